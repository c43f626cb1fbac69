// Threads for where torch's are not at hand: a few workers that wait between rounds, and a caller that looks for Ctrl-C.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

namespace ctk {

// What the machine lends us: OMP_NUM_THREADS, else the processors this process may run on.
inline int available_threads() {
  if (const char* wish = std::getenv("OMP_NUM_THREADS")) {
    const int number = std::atoi(wish);
    if (number > 0) return number;
  }
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  const unsigned number = std::thread::hardware_concurrency();
  return number ? static_cast<int>(number) : 1;
}

class Pool {
 public:
  // poll is called on the calling thread now and then and may throw; that ends the work on all threads.
  Pool(int threads, std::function<void()> poll) : poll_(std::move(poll)), owner_(std::this_thread::get_id()) {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { serve(); });
  }

  ~Pool() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      closing_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls work(0) ... work(tasks - 1), each once, on any thread; throws what a task threw.
  void run(int64_t tasks, const std::function<void(int64_t)>& work) {
    if (workers_.empty() || tasks < 2) {
      for (int64_t task = 0; task < tasks; ++task) {
        work(task);
        poll();
      }
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = &work;
      tasks_ = tasks;
      next_ = 0;
      busy_ = static_cast<int>(workers_.size());
      error_ = nullptr;
      stopped_ = false;
      ++generation_;  // publishes all of these to who sees it without the lock
    }
    wake_.notify_all();
    take_tasks();
    if (!soon([this] { return busy_ == 0; })) {
      std::unique_lock<std::mutex> lock(mutex_);
      done_.wait(lock, [this] { return busy_ == 0; });
    }
    if (error_) std::rethrow_exception(error_);
  }

  // For the inside of long tasks. Cheap: the caller's own poll runs at most twenty times a second.
  void poll() {
    if (std::this_thread::get_id() == owner_) {
      const auto now = std::chrono::steady_clock::now();
      if (now - polled_ > std::chrono::milliseconds(50)) {
        polled_ = now;
        if (poll_) poll_();
      }
    } else if (stopped_.load(std::memory_order_relaxed)) {
      throw Stopped();
    }
  }

 private:
  struct Stopped {};

  void take_tasks() {
    try {
      for (int64_t task; !stopped_ && (task = next_.fetch_add(1)) < tasks_;) {
        (*work_)(task);
        poll();
      }
    } catch (const Stopped&) {
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
      stopped_ = true;
    }
  }

  // Rounds follow each other within microseconds, and to wake a thread takes tens of them: so look about for as long
  // before going to sleep.
  template <class Done>
  static bool soon(const Done& done) {
    constexpr int kLooks = 1000;
    for (int look = 0; look < kLooks; ++look) {
      if (done()) return true;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
    return false;
  }

  void serve() {
    uint64_t seen = 0;
    const auto called = [&] { return closing_ || generation_ != seen; };
    for (;;) {
      if (!soon(called)) {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, called);
      }
      if (closing_) return;
      seen = generation_;
      take_tasks();
      if (--busy_ == 0) {
        std::lock_guard<std::mutex> lock(mutex_);  // the caller is either not waiting yet, or waits by now
        done_.notify_one();
      }
    }
  }

  std::function<void()> poll_;
  std::thread::id owner_;
  std::chrono::steady_clock::time_point polled_ = std::chrono::steady_clock::now();
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(int64_t)>* work_ = nullptr;
  int64_t tasks_ = 0;
  std::atomic<int64_t> next_{0};
  std::atomic<int> busy_{0};
  std::atomic<uint64_t> generation_{0};
  std::exception_ptr error_;
  std::atomic<bool> stopped_{false};
  std::atomic<bool> closing_{false};
};

}  // namespace ctk
