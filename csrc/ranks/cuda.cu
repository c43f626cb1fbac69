// Exact ranks and best entries on a GPU: 16-bit cuBLAS tiles screen, exact scores decide. See README.md.
#include <array>
#include <tuple>

#include "../common/cuda.h"
#include "device.h"

namespace ctk {
namespace {

class RanksDevice : public Device {
 public:
  using Device::Device;

  struct Keys {
    Tensor tensor, values, indices;
    int64_t *all, *best;
    int64_t k;
  };

  Keys keys(int64_t rows, int64_t stride, int64_t k) const {
    Keys keys{tensor({rows, stride}, ScalarType::Long), tensor({rows, k}, ScalarType::Long),
              tensor({rows, k}, ScalarType::Long), nullptr, nullptr, k};
    keys.all = pointer<int64_t>(keys.tensor);
    keys.best = pointer<int64_t>(keys.values);
    return keys;
  }

  // The k largest keys of each row, largest first, by torch.
  void top(Keys& keys) const {
    using torch::stable::detail::from;
    using torch::stable::detail::to;
    std::array<StableIValue, 7> stack{from(keys.tensor), from(keys.k),      from(int64_t(1)),  from(true),
                                      from(true),        from(keys.values), from(keys.indices)};
    STABLE_TORCH_ERROR_CODE_CHECK(torch_call_dispatcher("aten::topk", "values", stack.data(), TORCH_ABI_VERSION));
    to<Tensor>(stack[0]);  // both come back, as references of their own
    to<Tensor>(stack[1]);
  }
};

void check(const Tensor& query, const Tensor& gallery) {
  require(query.dim() == 2 && gallery.dim() == 2 && query.size(1) == gallery.size(1), "query (N, D) and gallery (G, D)");
  require(query.scalar_type() == gallery.scalar_type(), "query and gallery need one dtype");
  require(gallery.size(0) < int64_t(1) << 31, "a gallery has fewer than 2^31 rows");
}

template <class Run>
void for_type(Element type, const Run& run) {
  switch (type) {
    case Element::float32: return run.template operator()<float>();
    case Element::bfloat16: return run.template operator()<Bfloat16>();
    case Element::float16: return run.template operator()<Float16>();
  }
}

std::tuple<Tensor, Tensor> rank_counts(const Tensor& query, const Tensor& gallery, const Tensor& order,
                                       const Tensor& starts, const Tensor& ends, const Tensor& classes) {
  check(query, gallery);
  for (const Tensor* list : {&starts, &ends})
    require(list->numel() == query.size(0) && list->scalar_type() == ScalarType::Long, "starts and ends are (N,) int64");
  for (const Tensor* list : {&order, &classes})
    require(list->numel() == gallery.size(0) && list->scalar_type() == ScalarType::Long, "order and classes are (G,) int64");
  RanksDevice device(query);
  const Tensor queries = in_rows(query), entries = in_rows(gallery);
  const Tensor lists[] = {packed(order), packed(starts), packed(ends), packed(classes)};
  const ranks::Positives positives{pointer<int64_t>(lists[0]), pointer<int64_t>(lists[1]), pointer<int64_t>(lists[2]),
                                   pointer<int64_t>(lists[3])};
  Tensor greater = empty(query, {query.size(0)}, ScalarType::Long), equal = empty(query, {query.size(0)}, ScalarType::Long);
  for_type(element_of(query), [&]<class T>() {
    ranks::rank_counts<T>(device, matrix_in_rows(queries), matrix_in_rows(entries), positives,
                          pointer<int64_t>(greater), pointer<int64_t>(equal));
  });
  return {greater, equal};
}

std::tuple<Tensor, Tensor> top_scores(const Tensor& query, const Tensor& gallery, int64_t k) {
  check(query, gallery);
  require(k > 0 && k <= gallery.size(0), "k is at least 1 and at most the size of the gallery");
  RanksDevice device(query);
  const Tensor queries = in_rows(query), entries = in_rows(gallery);
  Tensor values = empty(query, {query.size(0), k}, ScalarType::Float);
  Tensor rows = empty(query, {query.size(0), k}, ScalarType::Long);
  for_type(element_of(query), [&]<class T>() {
    ranks::top_scores<T>(device, matrix_in_rows(queries), matrix_in_rows(entries), k, pointer<float>(values),
                         pointer<int64_t>(rows));
  });
  return {values, rows};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ctk, CUDA, m) {
  m.impl("rank_counts", TORCH_BOX(&rank_counts));
  m.impl("top_scores", TORCH_BOX(&top_scores));
}

}  // namespace ctk
