// CUDA's built-ins on a processor: a kernel runs block after block, each thread of a block on a stack of its own, all of
// them up to the next barrier or shuffle in turn. Slow, and exact about who reads what from whom.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <new>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static

struct Index {
  unsigned x = 0;
};
inline Index threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {

// Threads that meet: the last to come lets all go on.
struct Meeting {
  int members = 0, here = 0;
  int64_t round = 0;
  uint64_t said[2][32];  // of this round and of the last
};

class Block {
 public:
  static inline Block* now = nullptr;

  void run(int threads, const std::function<void()>& body) {
    now = this;
    body_ = &body;
    fibers_.resize(threads);
    all_ = {};
    all_.members = threads;
    warps_.assign((threads + 31) / 32, {});
    for (int t = 0; t < threads; ++t) ++warps_[t / 32].members;
    for (int t = 0; t < threads; ++t) {
      Fiber& fiber = fibers_[t];
      if (fiber.stack.empty()) fiber.stack.resize(1 << 16);
      getcontext(&fiber.context);
      fiber.context.uc_stack = {fiber.stack.data(), 0, fiber.stack.size()};
      fiber.started = fiber.done = false;
      makecontext(&fiber.context, &Block::enter, 0);
    }
    for (left_ = threads; left_ > 0;)
      for (current_ = 0; current_ < threads; ++current_)
        if (!fibers_[current_].done) go_on(fibers_[current_]);
  }

  void meet(Meeting& meeting) {
    const int64_t round = meeting.round;
    if (++meeting.here == meeting.members) {
      meeting.here = 0;
      ++meeting.round;
    }
    while (meeting.round == round) wait(fibers_[current_]);
  }

  void meet_all() { meet(all_); }

  // What lane `from` says while this one says `value`.
  template <class T>
  T exchange(T value, int from) {
    static_assert(sizeof(T) <= 8);
    Meeting& warp = warps_[current_ / 32];
    const int64_t round = warp.round;
    std::memcpy(&warp.said[round % 2][current_ % 32], &value, sizeof(T));
    meet(warp);
    std::memcpy(&value, &warp.said[round % 2][from], sizeof(T));
    return value;
  }

  int lane() const { return current_ % 32; }
  int lanes() const { return warps_[current_ / 32].members; }

 private:
  // ucontext makes a stack; going to and fro by it would be two system calls each time, so that is done by jumps.
  struct Fiber {
    ucontext_t context;
    jmp_buf place;
    std::vector<char> stack;
    bool started, done;
  };

  void go_on(Fiber& fiber) {
    threadIdx.x = current_;
    if (_setjmp(main_)) return;
    if (fiber.started) _longjmp(fiber.place, 1);
    fiber.started = true;
    setcontext(&fiber.context);
  }

  void wait(Fiber& fiber) {
    if (!_setjmp(fiber.place)) _longjmp(main_, 1);
  }

  static void enter() {
    (*now->body_)();
    now->fibers_[now->current_].done = true;
    --now->left_;
    _longjmp(now->main_, 1);
  }

  const std::function<void()>* body_ = nullptr;
  std::vector<Fiber> fibers_;
  std::vector<Meeting> warps_;
  Meeting all_;
  jmp_buf main_;
  int left_ = 0, current_ = 0;
};

}  // namespace emulation

inline void __syncthreads() { emulation::Block::now->meet_all(); }

template <class T>
T __shfl_sync(unsigned, T value, int from) {
  return emulation::Block::now->exchange(value, from);
}

template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return emulation::Block::now->exchange(value, emulation::Block::now->lane() ^ mask);
}

inline unsigned __ballot_sync(unsigned, bool mine) {
  auto* block = emulation::Block::now;
  unsigned all = mine ? 1u << block->lane() : 0;
  for (int distance = 1; distance < block->lanes(); distance *= 2) all |= __shfl_xor_sync(~0u, all, distance);
  return all;
}

inline bool __any_sync(unsigned mask, bool mine) { return __ballot_sync(mask, mine) != 0; }

inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int __ffs(unsigned bits) { return __builtin_ffs(bits); }

using std::exp2;
using std::log2;
using std::memcpy;

inline int atomicAdd(int* place, int value) {
  const int before = *place;
  *place += value;
  return before;
}

inline unsigned atomicMax(unsigned* place, unsigned value) {
  const unsigned before = *place;
  if (value > before) *place = value;
  return before;
}

inline unsigned atomicOr(unsigned* place, unsigned value) {
  const unsigned before = *place;
  *place |= value;
  return before;
}
