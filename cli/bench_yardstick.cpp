#include "bench_yardstick.hpp"

#include <fmt/format.h>

#include <quicsync/codec/block.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/transport/plain_transfer.hpp>

namespace quicsync::cli {
namespace {

constexpr std::size_t prefix_bytes = 4;         // a block's size stands before it, little-endian
constexpr std::size_t piece_bytes = 64u << 10;  // as many batches are made at a time

/// What the child says of one run; a port first, then this.
struct outcome {
  double seconds = 0, cpu_seconds = 0;
  char problem[256] = {};
};

plain_transfer_plan plan_of(const std::filesystem::path& certificate) {
  plain_transfer_plan plan;
  plan.certificate = certificate.string() + ".pem";
  plan.key = certificate.string() + ".key";
  plan.stream_window_bytes = limits::lane_window_bytes;
  plan.connection_window_bytes = 3 * limits::lane_window_bytes + limits::control_window_bytes;
  return plan;
}

/// Records into blocks of one batch each.
class batch_maker {
 public:
  batch_maker(const std::vector<slab_ptr>& records, std::size_t batch) : records_(records), batch_(batch) {}

  void append(byte_buffer& out) {
    while (out.size() < piece_bytes && slab_ < records_.size()) {
      batched_.clear();
      for (std::size_t bytes = 0; batched_.size() < batch_ && slab_ < records_.size(); advance()) {
        const auto record = records_[slab_]->bytes(index_);
        if (!batched_.empty() && bytes + record.size() > limits::block_bytes) break;
        bytes += record.size();
        batched_.push_back(record);
      }
      const auto begin = out.size();
      out.resize(begin + prefix_bytes);
      encoder_.append(out, batched_);
      const auto size = out.size() - begin - prefix_bytes;
      for (std::size_t i = 0; i < prefix_bytes; ++i) out[begin + i] = static_cast<std::uint8_t>(size >> (8 * i));
    }
  }

 private:
  void advance() {
    if (++index_ < records_[slab_]->size()) return;
    index_ = 0;
    ++slab_;
  }
  const std::vector<slab_ptr>& records_;
  const std::size_t batch_;
  std::size_t slab_ = 0, index_ = 0;
  block_encoder encoder_;
  std::vector<bytes_view> batched_;
};

/// And back into records.
class batch_taker {
 public:
  explicit batch_taker(std::uint64_t patterns) : patterns_(patterns) {}

  result<bool> take(bytes_view bytes) {
    waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
    std::size_t begin = 0;
    for (;;) {
      const auto rest = bytes_view(waiting_).subspan(begin);
      if (rest.size() < prefix_bytes) break;
      std::size_t size = 0;
      for (std::size_t i = 0; i < prefix_bytes; ++i) size |= static_cast<std::size_t>(rest[i]) << (8 * i);
      if (rest.size() - prefix_bytes < size) break;
      if (auto decoded = decoder_.decode(rest.subspan(prefix_bytes, size), builder_, full_); !decoded)
        return fail(std::move(decoded.error()));
      for (const auto& slab : full_) whole_ += slab->size();
      full_.clear();
      begin += prefix_bytes + size;
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(begin));
    return whole_ + builder_.size() >= patterns_;
  }

 private:
  const std::uint64_t patterns_;
  std::uint64_t whole_ = 0;  ///< in slabs that were full
  byte_buffer waiting_;
  block_decoder decoder_;
  slab_builder builder_{0};
  std::vector<slab_ptr> full_;
};

/// The child: one run for each number of patterns that it is told; 0: it is to end.
int serve(const std::filesystem::path& certificate, process_pipes& parent) {
  for (std::uint64_t patterns = 0; parent.read(patterns) && patterns != 0;) {
    const auto before = processor_seconds();
    batch_taker taker(patterns);
    auto plan = plan_of(certificate);
    plan.take = [&taker](bytes_view bytes) { return taker.take(bytes); };
    auto receiver = plain_transfer::make(std::move(plan), plain_transfer::side::receives);
    const std::uint16_t port = receiver ? (*receiver)->port() : 0;
    if (!parent.write(port)) return 1;
    auto seconds = receiver ? (*receiver)->receive() : fail(std::move(receiver.error()));
    outcome said{seconds.value_or(0), processor_seconds() - before, {}};
    if (!seconds)
      fmt::format_to_n(static_cast<char*>(said.problem), sizeof said.problem - 1, "{}", to_string(seconds.error()));
    if (!parent.write(said)) return 1;
  }
  return 0;
}

}  // namespace

result<std::unique_ptr<bench_yardstick>> bench_yardstick::start(const std::filesystem::path& directory,
                                                                const std::string& name) {
  auto process = child_process::start([&](process_pipes& parent) { return serve(directory / name, parent); });
  if (!process) return fail(std::move(process.error()));
  return std::unique_ptr<bench_yardstick>(new bench_yardstick(std::move(*process), directory / name));
}

bench_yardstick::~bench_yardstick() { process_->pipes().write(std::uint64_t{0}); }

result<bench_yardstick::figures> bench_yardstick::run(const std::vector<slab_ptr>& records, std::size_t batch) {
  std::uint64_t patterns = 0;
  for (const auto& slab : records) patterns += slab->size();
  auto& child = process_->pipes();
  std::uint16_t port = 0;
  const auto before = processor_seconds();
  result<void> sent;
  if (child.write(patterns) && child.read(port) && port != 0) {
    batch_maker maker(records, batch);
    auto plan = plan_of(certificate_);
    plan.make = [&maker](byte_buffer& out) { maker.append(out); };
    auto sender = plain_transfer::make(std::move(plan), plain_transfer::side::sends);
    if (!sender) return fail(std::move(sender.error()));
    sent = (*sender)->send(port);
  }
  const auto used = processor_seconds() - before;
  if (!sent) return fail(std::move(sent.error()));
  outcome said;
  if (!child.read(said)) return fail(errc::io_failed, "the yardstick's process has died");
  if (said.problem[0] != '\0') return fail(errc::io_failed, fmt::format("the yardstick: {}", said.problem));
  return figures{said.seconds, said.cpu_seconds + used};
}

}  // namespace quicsync::cli
