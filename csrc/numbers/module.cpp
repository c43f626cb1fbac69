// ctk._numbers: what toolkit/ctk/numbers.py says.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <string>

#include "../common/pool.h"
#include "rows.h"

namespace py = pybind11;

namespace numbers {
namespace {

// Ctrl-C: signals are looked for with the GIL held, everything else runs without it.
void look_for_signals() {
  py::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

py::object parse(const py::buffer& block, int64_t columns, const std::string& prefix, int threads) {
  const py::buffer_info bytes = block.request();
  if (bytes.ndim != 1 || bytes.itemsize != 1 || bytes.strides[0] != 1) throw py::value_error("a block is bytes in a row");
  if (columns < 1) throw py::value_error("a row has a number at least");
  const auto* begin = static_cast<const char*>(bytes.ptr);
  const Text text{begin, begin + bytes.size};
  if (bytes.size == 0 || text.end[-1] != '\n') return py::none();

  const std::vector<const char*> pieces = cut(text);
  const int wanted = threads > 0 ? threads : ctk::available_threads();
  ctk::Pool pool(static_cast<int>(std::min<size_t>(wanted, pieces.size() - 1)), look_for_signals);
  std::vector<int64_t> before;
  {
    py::gil_scoped_release release;
    before = count_lines(pieces, pool);
  }
  const int64_t lines = before.back();
  // A number takes two characters at least: lines that are no rows must not ask for memory as if they were.
  if (bytes.size / lines < 2 * columns) return py::none();
  py::array_t<int64_t> ids(lines);
  py::array_t<double> values({lines, columns});
  const Rows rows{prefix, columns, ids.mutable_data(), values.mutable_data()};
  bool fine;
  {
    py::gil_scoped_release release;
    fine = read_rows(text, pieces, before, rows, pool);
  }
  return fine ? py::object(py::make_tuple(ids, values)) : py::none();
}

}  // namespace
}  // namespace numbers

PYBIND11_MODULE(_numbers, m) {
  m.def("parse", &numbers::parse, py::arg("block"), py::arg("columns"), py::arg("prefix"), py::arg("threads"));
}
