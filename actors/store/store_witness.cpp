#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <sqlite3.h>

#include <quicsync/actors/store/sqlite_database.hpp>
#include <quicsync/actors/store/store_witness.hpp>
#include <quicsync/codec/stored_block.hpp>
#include <quicsync/codec/varint.hpp>

namespace quicsync::detail {
namespace {

constexpr std::uint64_t magic = 0x317469'77637371;  // "qscwit1"
constexpr std::size_t slot_bytes = 40;              // checksum, magic, generation, incarnation, position
constexpr std::int64_t slot_distance = 4096;        // no write to one slot tears the other

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

void store_witness::close::operator()(sqlite3_file* file) const noexcept {
  if (file->pMethods != nullptr) file->pMethods->xClose(file);
  std::free(file);
}

result<store_witness> store_witness::open(const std::string& path, const std::string& vfs) {
  auto* const system = sqlite3_vfs_find(vfs.empty() ? nullptr : vfs.c_str());
  if (system == nullptr) return fail(errc::store_failed, fmt::format("store: no VFS is named {}", vfs));
  store_witness made;
  made.path_ = path + std::string(2, '\0');  // SQLite looks for parameters behind a name
  auto* const memory = static_cast<sqlite3_file*>(std::calloc(1, static_cast<std::size_t>(system->szOsFile)));
  if (memory == nullptr) return fail(errc::store_failed, "store: no memory");
  made.file_.reset(memory);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_JOURNAL;
  int got = 0;
  if (const int code = system->xOpen(system, made.path_.c_str(), memory, flags, &got); code != SQLITE_OK)
    return fail(sqlite_error(code, fmt::format("opening {}", path)));
  if (auto done = made.read(); !done) return fail(std::move(done.error()));
  return made;
}

result<void> store_witness::read() {
  sqlite3_int64 size = 0;
  auto& file = *file_;
  if (const int code = file.pMethods->xFileSize(&file, &size); code != SQLITE_OK)
    return fail(sqlite_error(code, "reading the witness"));
  std::optional<slot> newest;
  for (std::int64_t i = 0; i < 2 && size > i * slot_distance; ++i) {
    std::array<std::uint8_t, slot_bytes> bytes{};
    const int code = file.pMethods->xRead(&file, bytes.data(), slot_bytes, i * slot_distance);
    if (code == SQLITE_IOERR_SHORT_READ) continue;
    if (code != SQLITE_OK) return fail(sqlite_error(code, "reading the witness"));
    const auto s = read_slot(bytes);
    if (s && (!newest || s->generation > newest->generation)) newest = s;
  }
  unreadable_ = size > 0 && !newest;
  if (!newest) return {};
  generation_ = newest->generation;
  said_ = newest->what;
  return {};
}

result<void> store_witness::say(const statement& what) {
  byte_buffer block, bytes;
  append_u64(block, magic);
  append_u64(block, generation_ + 1);
  append_u64(block, what.incarnation);
  append_u64(block, what.position);
  append_stored_block(bytes, block);
  auto& file = *file_;
  const auto where = static_cast<std::int64_t>((generation_ + 1) % 2) * slot_distance;
  int code = file.pMethods->xWrite(&file, bytes.data(), static_cast<int>(bytes.size()), where);
  if (code == SQLITE_OK) code = file.pMethods->xSync(&file, SQLITE_SYNC_NORMAL);
  if (code != SQLITE_OK) return fail(sqlite_error(code, "writing the witness"));
  ++generation_;
  said_ = what;
  unreadable_ = false;
  return {};
}

}  // namespace quicsync::detail
