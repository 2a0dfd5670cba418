#include <fmt/format.h>

#include <quicsync/actors/store/pattern_store.hpp>
#include <quicsync/actors/store/pattern_store_impl.hpp>

// A file whose pages are damaged is not repaired where it stands: what can be read goes into a new one, which takes its
// place once it is whole. Whenever the power fails, one of the two is there.

namespace quicsync {

using detail::store_tables;
using detail::vfs_file;

namespace {

constexpr const char *damaged = "-damaged", *damaged_log = "-damaged-wal", *rescued = "-rescued",
                     *rescued_log = "-rescued-wal";

}  // namespace

result<void> pattern_store::impl::finish_rescue() {
  const auto there = vfs_file::exists(beside(rescued), options.vfs);
  if (!there) return fail(there.error());
  if (!*there) return {};
  bool whole = false;
  if (auto fresh = store_tables::open(beside(rescued), options.vfs, false); fresh && !fresh->is_new()) {
    const auto key = read_key();
    if (!key) return fail(key.error());
    const auto read = fresh->read(*key ? &**key : nullptr, options.random);
    if (!read && read.error().code == errc::store_key) return read;
    whole = read && fresh->head().incarnation != 0 && fresh->check_pages() && fresh->database().checkpoint(true);
  }
  if (whole) return install_rescued();
  if (auto done = vfs_file::remove(beside(rescued_log), options.vfs); !done) return done;
  return vfs_file::remove(beside(rescued), options.vfs);
}

result<void> pattern_store::impl::rescue(const error& why) {
  tables = store_tables();
  witness_file.reset();
  if (auto done = vfs_file::copy(options.path, beside(damaged), options.vfs); !done) return done;
  if (auto done = vfs_file::copy(options.path + "-wal", beside(damaged_log), options.vfs); !done) return done;
  lose(fmt::format("{}; what can be read of it was saved, and {}{} is what it was", to_string(why), options.path,
                   damaged));
  // Made first, as private as the store; SQLite would not make it so.
  if (auto made = vfs_file::open(beside(rescued), options.vfs); !made) return fail(std::move(made.error()));
  const auto key = read_key();
  if (!key) return fail(key.error());
  auto fresh = store_tables::open(beside(rescued), options.vfs, true);
  if (!fresh) return fail(std::move(fresh.error()));
  auto old = store_tables::open(beside(damaged), options.vfs, false);
  auto read = old ? old->read_damaged(*key ? &**key : nullptr, options.random) : fail(old.error());
  if (!read && read.error().code == errc::store_key) return read;
  result<void> done;
  if (read) {
    done = old->rescue_into(*fresh, *key ? &**key : nullptr, random_number());
  } else {
    done = fresh->make(random_number(), *key ? &**key : nullptr,
                       *key ? detail::store_seal::make(options.random) : detail::store_seal());
  }
  if (done) done = fresh->database().checkpoint(true);
  if (!done) return done;
  *fresh = store_tables();
  return install_rescued();
}

// The log of what was there goes first: it would be laid over the new file.
result<void> pattern_store::impl::install_rescued() {
  lose("its file was damaged, and what could be read of it was saved");
  if (auto done = vfs_file::remove(options.path + "-wal", options.vfs); !done) return done;
  if (auto done = vfs_file::copy(beside(rescued), options.path, options.vfs); !done) return done;
  if (auto done = vfs_file::remove(beside(rescued_log), options.vfs); !done) return done;
  return vfs_file::remove(beside(rescued), options.vfs);
}

}  // namespace quicsync
