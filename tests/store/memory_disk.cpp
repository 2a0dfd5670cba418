#include "memory_disk.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace quicsync::test {

/// The functions that SQLite calls.
struct memory_disk_calls {
  struct handle : sqlite3_file {
    memory_disk* disk;
    std::shared_ptr<memory_disk::file> at;
  };
  static handle& of(sqlite3_file* f) { return *static_cast<handle*>(f); }
  static memory_disk& of(sqlite3_vfs* v) { return *static_cast<memory_disk*>(v->pAppData); }

  // -- of a file
  static int close(sqlite3_file* f) {
    of(f).at.reset();
    return SQLITE_OK;
  }
  static int read(sqlite3_file* f, void* to, int count, sqlite3_int64 offset) {
    auto& h = of(f);
    if (const int code = h.disk->begin_call(SQLITE_IOERR_READ)) return code;
    const auto& bytes = h.at->seen;
    const auto size = static_cast<std::size_t>(count), begin = static_cast<std::size_t>(offset);
    const auto there = begin >= bytes.size() ? 0 : std::min(size, bytes.size() - begin);
    if (there > 0) std::memcpy(to, bytes.data() + begin, there);
    if (there == size) return SQLITE_OK;
    std::memset(static_cast<char*>(to) + there, 0, size - there);
    return SQLITE_IOERR_SHORT_READ;
  }
  static int write(sqlite3_file* f, const void* from, int count, sqlite3_int64 offset) {
    auto& h = of(f);
    if (const int code = h.disk->begin_call(SQLITE_IOERR_WRITE)) return code;
    if (h.disk->read_only_) return SQLITE_READONLY;
    const auto end = static_cast<std::uint64_t>(offset) + static_cast<std::uint64_t>(count);
    const auto growth = end > h.at->seen.size() ? end - h.at->seen.size() : 0;
    if (h.disk->capacity_bytes_ != 0 && growth > 0 && h.disk->bytes() + growth > h.disk->capacity_bytes_)
      return SQLITE_FULL;
    const auto* bytes = static_cast<const std::uint8_t*>(from);
    do_it(*h.at, {false, static_cast<std::size_t>(offset), {bytes, bytes + count}});
    return SQLITE_OK;
  }
  static int truncate(sqlite3_file* f, sqlite3_int64 size) {
    auto& h = of(f);
    if (const int code = h.disk->begin_call(SQLITE_IOERR_TRUNCATE)) return code;
    do_it(*h.at, {true, static_cast<std::size_t>(size), {}});
    return SQLITE_OK;
  }
  static void do_it(memory_disk::file& file, memory_disk::operation what) {
    memory_disk::apply(what, file.seen);
    file.pending.push_back(std::move(what));
  }
  // As Linux has it: after a sync that failed, what it should have written counts as written, and is not.
  static int sync(sqlite3_file* f, int) {
    auto& h = of(f);
    const int code = h.disk->begin_call(SQLITE_IOERR_FSYNC);
    if (code == SQLITE_OK) {
      for (const auto& what : h.at->pending) memory_disk::apply(what, h.at->durable);
      ++h.disk->syncs_;
    }
    if (!h.disk->is_off()) h.at->pending.clear();
    return code;
  }
  static int size(sqlite3_file* f, sqlite3_int64* to) {
    auto& h = of(f);
    if (const int code = h.disk->begin_call(SQLITE_IOERR_FSTAT)) return code;
    *to = static_cast<sqlite3_int64>(h.at->seen.size());
    return SQLITE_OK;
  }
  static int lock(sqlite3_file*, int) { return SQLITE_OK; }
  static int is_reserved(sqlite3_file*, int* to) {
    *to = 0;
    return SQLITE_OK;
  }
  static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file*) { return 4096; }
  // As SQLite takes every disk to be: a write does not hurt what stands beside it.
  static int character(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  // -- of the disk
  static int open(sqlite3_vfs* v, const char* name, sqlite3_file* f, int flags, int* got) {
    static const sqlite3_io_methods methods{1,       close,   read,        write,   truncate,    sync,      size,
                                            lock,    lock,    is_reserved, control, sector_size, character, nullptr,
                                            nullptr, nullptr, nullptr,     nullptr, nullptr};
    auto& disk = of(v);
    f->pMethods = nullptr;
    if (const int code = disk.begin_call(SQLITE_CANTOPEN)) return code;
    std::shared_ptr<memory_disk::file> file;
    if (name == nullptr) {
      file = std::make_shared<memory_disk::file>();
    } else if (const auto at = disk.files_.find(name); at != disk.files_.end()) {
      file = at->second;
    } else if ((flags & SQLITE_OPEN_CREATE) == 0) {
      return SQLITE_CANTOPEN;
    } else {
      file = disk.files_[name] = std::make_shared<memory_disk::file>();
    }
    auto* h = new (f) handle;
    h->pMethods = &methods;
    h->disk = &disk;
    h->at = std::move(file);
    if (got != nullptr) *got = flags;
    return SQLITE_OK;
  }
  static int remove(sqlite3_vfs* v, const char* name, int) {
    auto& disk = of(v);
    if (const int code = disk.begin_call(SQLITE_IOERR_DELETE)) return code;
    return disk.files_.erase(name) == 1 ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
  }
  static int access(sqlite3_vfs* v, const char* name, int, int* to) {
    auto& disk = of(v);
    if (const int code = disk.begin_call(SQLITE_IOERR_ACCESS)) return code;
    *to = disk.files_.count(name) != 0 ? 1 : 0;
    return SQLITE_OK;
  }
  static int full_path(sqlite3_vfs*, const char* name, int room, char* to) {
    sqlite3_snprintf(room, to, "%s", name);
    return SQLITE_OK;
  }
  static int randomness(sqlite3_vfs* v, int count, char* to) {
    auto state = of(v).calls_ * 0x9e3779b97f4a7c15u + 1;
    for (int i = 0; i < count; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      to[i] = static_cast<char>(state >> 56);
    }
    return count;
  }
  static int sleep(sqlite3_vfs*, int micros) { return micros; }
  static int time(sqlite3_vfs*, double* to) {
    *to = 2'460'000.5;
    return SQLITE_OK;
  }
  static int last_error(sqlite3_vfs*, int, char*) { return 0; }
};

memory_disk::memory_disk() : vfs_(std::make_unique<sqlite3_vfs>()) {
  static int number = 0;
  name_ = "memory-disk-" + std::to_string(++number);
  sqlite3_initialize();
  auto& v = *vfs_;
  v = {};
  v.iVersion = 1;
  v.szOsFile = sizeof(memory_disk_calls::handle);
  v.mxPathname = 512;
  v.zName = name_.c_str();
  v.pAppData = this;
  v.xOpen = memory_disk_calls::open;
  v.xDelete = memory_disk_calls::remove;
  v.xAccess = memory_disk_calls::access;
  v.xFullPathname = memory_disk_calls::full_path;
  v.xRandomness = memory_disk_calls::randomness;
  v.xSleep = memory_disk_calls::sleep;
  v.xCurrentTime = memory_disk_calls::time;
  v.xGetLastError = memory_disk_calls::last_error;
  sqlite3_vfs_register(&v, 0);
}

memory_disk::~memory_disk() { sqlite3_vfs_unregister(vfs_.get()); }

int memory_disk::begin_call(int code_of_failure) {
  ++calls_;
  if (is_off()) return SQLITE_IOERR;
  if (fail_at_ == 0 || calls_ != fail_at_) return SQLITE_OK;
  failed_once_ = true;
  return code_of_failure;
}

void memory_disk::apply(const operation& what, std::vector<std::uint8_t>& to) {
  if (what.truncate) {
    to.resize(what.offset);
    return;
  }
  if (to.size() < what.offset + what.bytes.size()) to.resize(what.offset + what.bytes.size());
  std::copy(what.bytes.begin(), what.bytes.end(), to.begin() + static_cast<std::ptrdiff_t>(what.offset));
}

bool memory_disk::all_synced(std::string_view name_end) const {
  return std::all_of(files_.begin(), files_.end(), [&](const auto& f) {
    const std::string_view file_name = f.first;
    return !file_name.ends_with(name_end) || f.second->pending.empty();
  });
}

std::uint64_t memory_disk::bytes() const {
  std::uint64_t all = 0;
  for (const auto& [file_name, f] : files_) all += f->seen.size();
  return all;
}

void memory_disk::restart(std::mt19937_64& random, std::size_t sector_bytes) {
  enum class fate { happened, lost, torn };
  for (auto& [file_name, f] : files_) {
    // A loss takes everything, nothing, or each by itself: real disks do all three.
    const auto whole = random() % 4;
    for (const auto& what : f->pending) {
      const auto one = whole == 0 ? fate::lost : whole == 1 ? fate::happened : static_cast<fate>(random() % 3);
      if (one == fate::lost || (one == fate::torn && what.truncate)) continue;
      if (one == fate::happened) {
        apply(what, f->durable);
        continue;
      }
      for (std::size_t begin = 0; begin < what.bytes.size();) {
        const auto end = std::min(what.bytes.size(), begin + sector_bytes - (what.offset + begin) % sector_bytes);
        if (random() % 2 == 0) {
          apply({false,
                 what.offset + begin,
                 {what.bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                  what.bytes.begin() + static_cast<std::ptrdiff_t>(end)}},
                f->durable);
        }
        begin = end;
      }
    }
    f->pending.clear();
    f->seen = f->durable;
  }
  restart_process();
}

std::vector<std::uint8_t>* memory_disk::contents(const std::string& file_name) {
  const auto at = files_.find(file_name);
  return at == files_.end() ? nullptr : &at->second->seen;
}

memory_disk::image memory_disk::take_image() const {
  image all;
  for (const auto& [file_name, f] : files_) all[file_name] = f->seen;
  return all;
}

void memory_disk::put_image(const image& all) {
  files_.clear();
  for (const auto& [file_name, bytes] : all) {
    auto f = std::make_shared<file>();
    f->seen = f->durable = bytes;
    files_[file_name] = std::move(f);
  }
}

}  // namespace quicsync::test
