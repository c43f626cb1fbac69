// Torch's own threads.
#pragma once

#include <torch/csrc/stable/ops.h>

#include <cstdint>

namespace ctk {

inline int64_t threads() { return torch::stable::get_num_threads(); }

// work(first, last, thread) over parts of [begin, end), at least `grain` at a time, on torch's threads; thread is below
// threads().
template <class Work>
void parallel(int64_t begin, int64_t end, const Work& work, int64_t grain = 1) {
  if (begin >= end) return;
  torch::stable::parallel_for(begin, end, grain, [&](int64_t first, int64_t last) {
    uint32_t thread = 0;
    torch_get_thread_idx(&thread);
    work(first, last, static_cast<int>(thread));
  });
}

}  // namespace ctk
