// The memory that programs run in. Programs that never run at once (those of one model) share a pool: an arena is
// touched once and serves training, testing and prediction, growing to what the largest of them needs.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "base/buffer.h"

namespace pk {

struct Workspace {
  Buffer arena;
  std::vector<Buffer> staging;  // by number of the input or output: gathered rows, unwanted outputs

  // The buffer, replaced by a larger one when it is smaller than `bytes`; the old one is freed first.
  static Buffer& at_least(Buffer& buffer, std::size_t bytes);
};

// Thread-safe: each run borrows a workspace of its own.
class WorkspacePool {
 public:
  std::unique_ptr<Workspace> take();
  void give_back(std::unique_ptr<Workspace> workspace);
  // Bytes of the largest idle workspace: what the next run need not allocate.
  std::size_t idle_bytes() const;
  // Frees what is not in use.
  void clear();

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> idle_;
};

}  // namespace pk
