#include "program/workspace.h"

#include <algorithm>
#include <utility>

namespace pk {

namespace {

constexpr std::size_t most_idle = 8;

std::size_t bytes_of(const Workspace& w) {
  std::size_t bytes = w.arena.bytes();
  for (const Buffer& b : w.staging) bytes += b.bytes();
  return bytes;
}

}  // namespace

Buffer& Workspace::at_least(Buffer& buffer, std::size_t bytes) {
  if (buffer.bytes() < bytes) {
    {
      const Buffer old = std::move(buffer);
    }
    buffer = Buffer(bytes);
  }
  return buffer;
}

std::unique_ptr<Workspace> WorkspacePool::take() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.empty()) return std::make_unique<Workspace>();
  std::unique_ptr<Workspace> workspace = std::move(idle_.back());
  idle_.pop_back();
  return workspace;
}

void WorkspacePool::give_back(std::unique_ptr<Workspace> workspace) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.size() < most_idle) idle_.push_back(std::move(workspace));
}

std::size_t WorkspacePool::idle_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::size_t bytes = 0;
  for (const auto& w : idle_) bytes = std::max(bytes, bytes_of(*w));
  return bytes;
}

void WorkspacePool::clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  idle_.clear();
}

}  // namespace pk
