#include <fmt/format.h>

#include <quicsync/actors/store/store_witness.hpp>
#include <quicsync/codec/stored_block.hpp>
#include <quicsync/codec/varint.hpp>

namespace quicsync::detail {
namespace {

constexpr std::uint64_t magic = 0x317469'77637371;  // "qscwit1"
constexpr std::size_t slot_bytes = 40;              // checksum, magic, generation, incarnation, position
constexpr std::uint64_t slot_distance = 4096;       // no write to one slot tears the other

struct slot {
  std::uint64_t generation = 0;
  store_witness::statement what;
};

std::optional<slot> read_slot(bytes_view bytes) {
  const auto block = open_stored_block(bytes);
  if (!block) return std::nullopt;
  byte_reader in(*block);
  if (in.u64() != magic) return std::nullopt;
  slot s;
  s.generation = in.u64();
  s.what.incarnation = in.u64();
  s.what.position = in.u64();
  if (!in.ok()) return std::nullopt;
  return s;
}

}  // namespace

result<store_witness> store_witness::open(const std::string& path, const std::string& vfs) {
  auto file = vfs_file::open(path, vfs);
  if (!file) return fail(std::move(file.error()));
  store_witness made;
  made.file_ = std::move(*file);
  bool empty = true;
  for (const std::uint64_t offset : {std::uint64_t{0}, slot_distance}) {
    const auto bytes = made.file_.read(offset, slot_bytes);
    if (!bytes) return fail(bytes.error());
    empty = empty && bytes->empty();
    const auto s = read_slot(*bytes);
    if (!s || (made.said_ && s->generation < made.generation_)) continue;
    made.generation_ = s->generation;
    made.said_ = s->what;
  }
  made.unreadable_ = !empty && !made.said_;
  return made;
}

result<void> store_witness::say(const statement& what) {
  byte_buffer block, bytes;
  append_u64(block, magic);
  append_u64(block, generation_ + 1);
  append_u64(block, what.incarnation);
  append_u64(block, what.position);
  append_stored_block(bytes, block);
  if (auto done = file_.write((generation_ + 1) % 2 * slot_distance, bytes); !done) return done;
  if (auto done = file_.sync(); !done) return done;
  ++generation_;
  said_ = what;
  unreadable_ = false;
  return {};
}

}  // namespace quicsync::detail
