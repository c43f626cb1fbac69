// ctk.blend._engine: what toolkit/ctk/blend/reference.py says, quickly.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>

#include "../common/pool.h"
#include "climb.h"
#include "gram.h"
#include "grid.h"
#include "kernels.h"
#include "rows.h"
#include "simplex.h"
#include "squared.h"

namespace py = pybind11;

namespace blend {
namespace {

template <class T>
using Array = py::array_t<T, py::array::c_style>;

// Ctrl-C: signals are looked for with the GIL held, everything else runs without it.
void look_for_signals() {
  py::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

Matrix matrix(const py::array& array) {
  const bool is_double = py::isinstance<py::array_t<double>>(array);
  if (!is_double && !py::isinstance<py::array_t<float>>(array)) throw py::type_error("float32 or float64, no other");
  const auto size = array.itemsize();
  if (array.ndim() == 2 && array.shape(1) > 1 && array.strides(1) != size)
    throw py::value_error("the numbers of a row must lie side by side");
  return {array.data(), is_double, array.strides(0) / size};
}

py::tuple gram_of(const std::vector<py::array>& members, const py::array& target,
                  const std::optional<Array<int64_t>>& order, const std::vector<int64_t>& starts) {
  std::vector<Matrix> matrices;
  for (const py::array& member : members) matrices.push_back(matrix(member));
  const Matrix y = matrix(target);
  const int64_t rows = target.shape(0), columns = target.ndim() == 2 ? target.shape(1) : 1;
  const auto count = static_cast<py::ssize_t>(members.size());
  py::array_t<double> grams({static_cast<py::ssize_t>(starts.size()) - 1, static_cast<py::ssize_t>(columns), count, count});
  const int64_t* places = order ? order->data() : nullptr;
  double* out = grams.mutable_data();
  Moments moments;
  {
    py::gil_scoped_release release;
    Pool pool(rows * columns * count < (1 << 16) ? 1 : ctk::available_threads(), look_for_signals);
    moments = gram(matrices, y, columns, places, starts, out, pool);
  }
  return py::make_tuple(grams, py::array_t<double>(moments.mean.size(), moments.mean.data()),
                        py::array_t<double>(moments.squares.size(), moments.squares.data()));
}

// ctk.blend.climb.Options, field by field
Options read(const py::object& options) {
  return {options.attr("low").cast<double>(),         options.attr("high").cast<double>(),
          options.attr("replacement").cast<bool>(),   options.attr("tolerance").cast<double>(),
          options.attr("patience").cast<int>(),       options.attr("max_rounds").cast<int64_t>(),
          options.attr("allowed").cast<std::vector<bool>>()};
}

// By the kind of its options: ctk.blend.simplex.SimplexOptions has a budget of evaluations, a climb's has rounds.
std::unique_ptr<Search> make_search(std::unique_ptr<Objective> objective, const py::object& options) {
  if (!py::hasattr(options, "max_evaluations")) return std::make_unique<Climb>(std::move(objective), read(options));
  return std::make_unique<Simplex>(
      std::move(objective),
      SimplexOptions{options.attr("tolerance").cast<double>(), options.attr("max_evaluations").cast<int64_t>()});
}

// A search with the arrays that it reads, and its threads.
class PySearch {
 public:
  PySearch(std::unique_ptr<Objective> objective, const py::object& options, py::object keep)
      : keep_(std::move(keep)), heavy_(objective->heavy()), search_(make_search(std::move(objective), options)) {}

  bool advance(double seconds) {
    py::gil_scoped_release release;
    Pool pool(heavy_ ? ctk::available_threads() : 1, look_for_signals);
    return search_->advance(seconds, pool);
  }

  template <class T>
  static py::array_t<T> copy(const std::vector<T>& from) {
    return py::array_t<T>(from.size(), from.data());
  }

  py::array_t<double> weights() const { return copy(search_->weights()); }
  py::array_t<int64_t> members() const { return copy(search_->members()); }
  py::array_t<double> shares() const { return copy(search_->shares()); }
  py::array_t<double> losses() const { return copy(search_->losses()); }
  double loss() const { return search_->loss(); }

  double at(const std::vector<double>& weights) {
    if (weights.size() != search_->weights().size()) throw py::value_error("one weight a member");
    Pool pool(1, look_for_signals);
    return search_->at(weights, pool);
  }

 private:
  py::object keep_;
  bool heavy_;
  std::unique_ptr<Search> search_;
};

using Made = std::unique_ptr<PySearch>;

Made quadratic(const Array<double>& gram, const Array<double>& costs, const Array<uint8_t>& missed,
               const py::object& options) {
  ExactColumns exact;
  exact.costs.assign(costs.data(), costs.data() + costs.size());
  exact.missed.assign(missed.data(), missed.data() + missed.size());
  std::vector<double> numbers(gram.data(), gram.data() + gram.size());
  return std::make_unique<PySearch>(
      std::make_unique<Quadratic>(std::move(numbers), static_cast<int>(gram.shape(0)), std::move(exact)), options,
      py::none());
}

Made roots(const Array<double>& grams, const py::object& options) {
  std::vector<double> numbers(grams.data(), grams.data() + grams.size());
  return std::make_unique<PySearch>(
      std::make_unique<Roots>(std::move(numbers), static_cast<int>(grams.shape(0)), static_cast<int>(grams.shape(1))),
      options, py::none());
}

template <class T>
Made absolute(const Array<T>& residuals, const py::object& options) {
  return std::make_unique<PySearch>(
      std::make_unique<Absolute<T>>(residuals.data(), static_cast<int>(residuals.shape(0)), residuals.shape(1)), options,
      residuals);
}

template <class T>
Made smooth_l1(const Array<T>& residuals, const py::object& options) {
  return std::make_unique<PySearch>(
      std::make_unique<Smooth<T>>(residuals.data(), static_cast<int>(residuals.shape(0)), residuals.shape(1),
                                  &RowKernels<T>::smooth_l1, 0.0),
      options, residuals);
}

template <class T>
Made logloss(const Array<T>& probabilities, double eps, const py::object& options) {
  return std::make_unique<PySearch>(
      std::make_unique<Smooth<T>>(probabilities.data(), static_cast<int>(probabilities.shape(0)),
                                  probabilities.shape(1), &RowKernels<T>::logloss, eps),
      options, probabilities);
}

Made accuracy(const Array<double>& margins, const Array<uint8_t>& strict, double step, const py::object& options) {
  return std::make_unique<PySearch>(
      std::make_unique<Accuracy>(margins.data(), strict.data(), static_cast<int>(margins.shape(0)), margins.shape(1),
                                 margins.shape(2), step),
      options, py::make_tuple(margins, strict));
}

Made auc(const Array<double>& scores, const Array<uint8_t>& labels, double step, const py::object& options) {
  return std::make_unique<PySearch>(
      std::make_unique<Auc>(scores.data(), labels.data(), static_cast<int>(scores.shape(0)), scores.shape(1),
                            scores.shape(2), step),
      options, py::make_tuple(scores, labels));
}

}  // namespace
}  // namespace blend

PYBIND11_MODULE(_engine, m) {
  using namespace blend;
  py::class_<PySearch>(m, "Search")
      .def("advance", &PySearch::advance, py::arg("seconds"))
      .def("at", &PySearch::at, py::arg("weights"))
      .def_property_readonly("weights", &PySearch::weights)
      .def_property_readonly("loss", &PySearch::loss)
      .def_property_readonly("members", &PySearch::members)
      .def_property_readonly("shares", &PySearch::shares)
      .def_property_readonly("losses", &PySearch::losses);
  m.def("gram", &gram_of, py::arg("members"), py::arg("target"), py::arg("order"), py::arg("starts"));
  m.def("quadratic", &quadratic);
  m.def("roots", &roots);
  m.def("absolute", &absolute<float>, py::arg("residuals").noconvert(), py::arg("options"));
  m.def("absolute", &absolute<double>, py::arg("residuals").noconvert(), py::arg("options"));
  m.def("smooth_l1", &smooth_l1<float>, py::arg("residuals").noconvert(), py::arg("options"));
  m.def("smooth_l1", &smooth_l1<double>, py::arg("residuals").noconvert(), py::arg("options"));
  m.def("logloss", &logloss<float>, py::arg("probabilities").noconvert(), py::arg("eps"), py::arg("options"));
  m.def("logloss", &logloss<double>, py::arg("probabilities").noconvert(), py::arg("eps"), py::arg("options"));
  m.def("accuracy", &accuracy, py::arg("margins"), py::arg("strict"), py::arg("step"), py::arg("options"));
  m.def("auc", &auc, py::arg("scores"), py::arg("labels"), py::arg("step"), py::arg("options"));
  m.def("instruction_sets", [] {
    std::vector<std::string> names;
    for (const Kernels* each : runnable()) names.emplace_back(each->name);
    return names;
  });
  m.def("use", [](const std::optional<std::string>& name) {
    const Kernels* found = nullptr;
    for (const Kernels* each : runnable())
      if (name && *name == each->name) found = each;
    if (name && !found) throw py::value_error("this machine has no " + *name);
    use(found);
  });
}
