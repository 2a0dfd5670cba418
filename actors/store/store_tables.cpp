#include <algorithm>

#include <fmt/format.h>

#include <quicsync/actors/store/store_tables.hpp>
#include <quicsync/codec/stored_block.hpp>
#include <quicsync/codec/varint.hpp>

namespace quicsync::detail {
namespace {

constexpr const char* settings =
    "PRAGMA locking_mode=EXCLUSIVE;"  // no file of shared memory, and nobody else
    "PRAGMA page_size=4096;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"  // each commit waits for the disk
    "PRAGMA cache_size=-16384;"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA trusted_schema=OFF;"
    "PRAGMA cell_size_check=ON;";

// docs/STORE.md, "tables". `sum` stands before `body`, so that it is read without it.
constexpr const char* schema =
    "CREATE TABLE head(id INTEGER PRIMARY KEY, body BLOB NOT NULL);"
    "CREATE TABLE key(id INTEGER PRIMARY KEY, body BLOB NOT NULL);"
    "CREATE TABLE rows(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, count INTEGER NOT NULL,"
    " sum INTEGER NOT NULL, body BLOB NOT NULL);"
    "CREATE TABLE dead(id INTEGER PRIMARY KEY, sum INTEGER NOT NULL, body BLOB NOT NULL);"
    "CREATE TABLE notes(id INTEGER PRIMARY KEY, sum INTEGER NOT NULL, body BLOB NOT NULL);"
    "CREATE TABLE quarantine(id INTEGER PRIMARY KEY, first INTEGER, last INTEGER, count INTEGER, why TEXT, body BLOB);"
    "PRAGMA application_id=0x7173796e;"  // "qsyn"
    "PRAGMA user_version=1;";

/// What leads from one format to the next, all in one commit. A new format adds its step here, and a store of every
/// older one to tests/store/migration_test.cpp.
struct migration {
  std::uint64_t from = 0;
  const char* sql = "";  ///< of what can be said in it; bodies are rewritten by compaction
};
// Format 0 was never given out; it differs in its number alone.
constexpr migration migrations[] = {{0, ""}};
static_assert(std::size(migrations) == store_head::version_known - store_head::version_oldest);

constexpr int key_copies = 2;  // a flipped bit in the only one would be the end of all rows

std::string label_of(const store_tables::row_head& row) {
  return fmt::format("row {} {} {}", row.first, row.last, row.count);
}
std::string dead_label(std::uint64_t id) { return fmt::format("dead {}", id); }
std::string note_label(std::uint64_t id) { return fmt::format("note {}", id); }

}  // namespace

result<store_tables> store_tables::open(const std::string& path, const std::string& vfs, bool create) {
  store_tables made;
  auto db = sqlite_database::open(path, vfs, create);
  if (!db) return fail(std::move(db.error()));
  made.db_ = std::move(*db);
  if (auto done = made.db_.run(settings); !done) return fail(std::move(done.error()));
  auto mode = made.db_.prepare("PRAGMA journal_mode");
  if (!mode) return fail(std::move(mode.error()));
  const auto row = mode->step();
  if (!row) return fail(row.error());
  if (as_text(mode->bytes(0)) != "wal") return fail(errc::store_failed, fmt::format("store: {} takes no log", path));
  mode->reset();
  const auto tables = made.db_.number("SELECT count(*) FROM sqlite_master");
  if (!tables) return fail(tables.error());
  made.new_ = *tables == 0;
  if (!made.new_) return made;
  const auto pages = made.db_.number("PRAGMA page_count");
  if (!pages) return fail(pages.error());
  if (*pages > 1) return fail(errc::store_corrupt, "store: it has pages, and no tables");
  return made;
}

result<void> store_tables::prepare_all() {
  const std::pair<sqlite_statement*, const char*> all[] = {
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&rollback_, "ROLLBACK"},
      {&put_head_, "INSERT OR REPLACE INTO head(id, body) VALUES(1, ?1)"},
      {&add_row_, "INSERT INTO rows(first, last, count, sum, body) VALUES(?1, ?2, ?3, ?4, ?5)"},
      {&remove_row_, "DELETE FROM rows WHERE first=?1"},
      {&get_row_, "SELECT body FROM rows WHERE first=?1"},
      {&quarantine_row_,
       "INSERT INTO quarantine(first, last, count, why, body) SELECT first, last, count, ?2, body FROM rows WHERE "
       "first=?1"},
      {&add_dead_, "INSERT INTO dead(id, sum, body) VALUES(?1, ?2, ?3)"},
      {&remove_dead_, "DELETE FROM dead WHERE id=?1"},
      {&get_dead_, "SELECT body FROM dead WHERE id=?1"},
      {&put_note_, "INSERT OR REPLACE INTO notes(id, sum, body) VALUES(?1, ?2, ?3)"},
      {&page_count_, "PRAGMA page_count"},
      {&free_count_, "PRAGMA freelist_count"},
  };
  for (const auto& [to, sql] : all) {
    auto made = db_.prepare(sql);
    if (!made) return fail(std::move(made.error()));
    *to = std::move(*made);
  }
  return {};
}

result<void> store_tables::make(std::uint64_t incarnation, const store_key* key, store_seal seal) {
  seal_ = std::move(seal);
  head_ = {};
  head_.incarnation = incarnation;
  if (auto done = db_.run("BEGIN IMMEDIATE"); !done) return done;
  if (auto done = db_.run(schema); !done) return done;
  if (auto done = prepare_all(); !done) return done;
  if (key != nullptr) {
    if (auto done = put_key(*key); !done) return done;
  }
  if (auto done = put_head(); !done) return done;
  if (auto done = commit_.run(); !done) return done;
  new_ = false;
  return {};
}

result<void> store_tables::put_key(const store_key& key) {
  byte_buffer body;
  append_stored_block(body, seal_.wrap(key));
  auto put = db_.prepare("INSERT OR REPLACE INTO key(id, body) VALUES(?1, ?2)");
  if (!put) return fail(std::move(put.error()));
  for (std::int64_t id = 1; id <= key_copies; ++id) {
    if (auto done = put->bind(1, id).bind(2, bytes_view(body)).run(); !done) return done;
  }
  return {};
}

result<void> store_tables::rewrap(const store_key& key) {
  return commit([&] { return put_key(key); });
}

result<void> store_tables::put_head() {
  byte_buffer block, body;
  append_varint(block, head_.version);
  append_u64(block, head_.incarnation);
  append_varint(block, head_.position);
  append_varint(block, head_.cleared);
  append_varint(block, head_.entries);
  append_u64(block, head_.sum);
  append_stored_block(body, block);
  return put_head_.bind(1, bytes_view(body)).run();
}

result<store_head> store_tables::read_head() {
  auto get = db_.prepare("SELECT body FROM head WHERE id=1");
  if (!get) return fail(std::move(get.error()));
  const auto found = get->step();
  if (!found) return fail(found.error());
  if (!*found) return fail(errc::store_corrupt, "store: it has no head");
  const auto block = open_stored_block(get->bytes(0));
  if (!block) return fail(errc::store_corrupt, "store: the checksum of its head does not fit");
  byte_reader in(*block);
  store_head head;
  head.version = in.varint();
  if (in.ok() && head.version > store_head::version_known) {
    return fail(errc::store_newer, fmt::format("store: it is of format {}, and this quicsync knows formats up to {}",
                                               head.version, store_head::version_known));
  }
  head.incarnation = in.u64();
  head.position = in.varint();
  head.cleared = in.varint();
  head.entries = in.varint();
  head.sum = in.u64();
  if (!in.ok()) return fail(errc::store_corrupt, "store: its head ends early");
  return head;
}

result<void> store_tables::read(const store_key* key, store_seal::random_source random) {
  auto head = read_head();
  if (!head) return fail(std::move(head.error()));
  head_ = *head;
  if (auto done = read_seal(key, std::move(random)); !done) return done;
  if (auto done = prepare_all(); !done) return done;
  return head_.version == store_head::version_known ? result<void>() : migrate();
}

result<void> store_tables::migrate() {
  return commit([this]() -> result<void> {
    for (const auto& step : migrations) {
      if (step.from < head_.version) continue;
      if (auto done = db_.run(step.sql); !done) return done;
    }
    head_.version = store_head::version_known;
    return db_.run(fmt::format("PRAGMA user_version={}", head_.version).c_str());
  });
}

result<void> store_tables::read_damaged(const store_key* key, store_seal::random_source random) {
  if (const auto head = read_head()) head_ = *head;
  return read_seal(key, std::move(random));
}

result<void> store_tables::read_seal(const store_key* key, store_seal::random_source random) {
  auto get = db_.prepare("SELECT body FROM key ORDER BY id");
  if (!get) return fail(std::move(get.error()));
  bool sealed = false, open = false;
  for (;;) {
    const auto found = get->step();
    if (!found) return fail(found.error());
    if (!*found) break;
    sealed = true;
    if (key == nullptr) return fail(errc::store_key, "it is encrypted: give the file of its key with --store-key");
    const auto wrapped = open_stored_block(get->bytes(0));
    if (!wrapped || open) continue;
    auto seal = store_seal::unwrap(*wrapped, *key, random);
    if (!seal) return fail(std::move(seal.error()));
    seal_ = std::move(*seal);
    open = true;
  }
  if (sealed && !open) return fail(errc::store_corrupt, "store: the checksum of its wrapped key does not fit");
  if (!sealed && key != nullptr)
    return fail(errc::store_key, "it is not encrypted, and a key was given: export it, and import it into a new one");
  return {};
}

result<void> store_tables::rescue_into(store_tables& fresh, const store_key* key, std::uint64_t incarnation) {
  if (auto done = fresh.make(0, key, seal_.with_same_key()); !done) return done;
  return fresh.commit([&]() -> result<void> {
    fresh.head_.position = head_.position;
    fresh.head_.cleared = head_.cleared;
    fresh.head_.incarnation = incarnation;
    return rescue_rows(fresh);
  });
}

// Reading ends where a page is damaged; what stands behind that is reached from the other end.
result<void> store_tables::rescue_rows(store_tables& fresh) {
  log_position_number forward_to = 0;
  for (const char* order : {"ASC", "DESC"}) {
    auto get = db_.prepare(fmt::format("SELECT first, last, count, sum, body FROM rows ORDER BY first {}", order));
    if (!get) return {};
    result<bool> found;
    while ((found = get->step()) && *found) {
      const row_head row{get->natural(0), get->natural(1), get->natural(2), get->natural(3), get->bytes(4).size()};
      if (row.first <= forward_to) break;
      if (*order == 'A') forward_to = row.first;
      if (!store_seal::is_whole(get->bytes(4), row.sum) || !seal_.open(label_of(row), get->bytes(4))) continue;
      if (auto done = fresh.take_row(row, get->bytes(4)); !done) return done;
    }
    if (found && !*found) break;
  }
  auto get = db_.prepare("SELECT id, sum, body FROM dead ORDER BY id");
  if (!get) return {};
  result<bool> found;
  while ((found = get->step()) && *found) {
    const auto whole = store_seal::is_whole(get->bytes(2), get->natural(1));
    if (!whole || !seal_.open(dead_label(get->natural(0)), get->bytes(2))) continue;
    if (auto done = fresh.take_dead(get->natural(0), get->natural(1), get->bytes(2)); !done) return done;
  }
  return {};
}

result<void> store_tables::take_row(const row_head& row, bytes_view closed) {
  add_row_.bind(1, row.first).bind(2, row.last).bind(3, row.count).bind(4, row.sum);
  if (auto done = add_row_.bind(5, closed).run(); !done) return done;
  count_in(row.sum);
  head_.position = std::max(head_.position, row.last);
  return {};
}

result<void> store_tables::take_dead(std::uint64_t id, std::uint64_t sum, bytes_view closed) {
  if (auto done = add_dead_.bind(1, id).bind(2, sum).bind(3, closed).run(); !done) return done;
  count_in(sum);
  return {};
}

result<void> store_tables::check_pages() {
  std::string said;
  // It takes a read that failed for damage; so what it finds must be found twice.
  for (int i = 0; i < 2; ++i) {
    auto check = db_.prepare("PRAGMA quick_check(1)");
    if (!check) return fail(std::move(check.error()));
    const auto row = check->step();
    if (!row) return fail(row.error());
    said = std::string(as_text(check->bytes(0)));
    if (said == "ok") return {};
  }
  return fail(errc::store_corrupt, fmt::format("store: {}", said));
}

result<void> store_tables::commit(const std::function<result<void>()>& change) {
  const auto before = head_;
  auto done = begin_.run();
  if (done) done = change();
  if (done) done = put_head();
  if (done) done = commit_.run();
  if (done) {
    ++commits_;
    return {};
  }
  head_ = before;
  if (sqlite3_get_autocommit(db_.handle()) == 0) (void)rollback_.run();  // the error that counts is the first one
  return done;
}

result<void> store_tables::add_row(row_head& row, bytes_view body) {
  const auto closed = seal_.close(label_of(row), body);
  row.sum = closed.sum;
  row.bytes = closed.bytes.size();
  add_row_.bind(1, row.first).bind(2, row.last).bind(3, row.count).bind(4, row.sum);
  if (auto done = add_row_.bind(5, bytes_view(closed.bytes)).run(); !done) return done;
  count_in(row.sum);
  return {};
}

result<void> store_tables::remove_row(const row_head& row) {
  if (auto done = remove_row_.bind(1, row.first).run(); !done) return done;
  count_out(row.sum);
  return {};
}

result<void> store_tables::quarantine_row(const row_head& row, std::string_view why) {
  if (auto done = quarantine_row_.bind(1, row.first).bind(2, why).run(); !done) return done;
  return remove_row(row);
}

result<byte_buffer> store_tables::row_body(const row_head& row) {
  auto found = get_row_.bind(1, row.first).step();
  if (!found) return fail(std::move(found.error()));
  if (!*found) return fail(errc::store_corrupt, fmt::format("store: {} is not there", label_of(row)));
  auto body = seal_.open(label_of(row), get_row_.bytes(0));
  get_row_.reset();
  return body;
}

result<std::uint64_t> store_tables::add_dead(bytes_view positions) {
  const auto id = next_dead_;
  const auto closed = seal_.close(dead_label(id), positions);
  if (auto done = add_dead_.bind(1, id).bind(2, closed.sum).bind(3, bytes_view(closed.bytes)).run(); !done)
    return fail(std::move(done.error()));
  count_in(closed.sum);
  dead_sums_[id] = closed.sum;
  ++next_dead_;
  return id;
}

result<void> store_tables::remove_dead(std::uint64_t id) {
  if (auto done = remove_dead_.bind(1, id).run(); !done) return done;
  const auto at = dead_sums_.find(id);
  if (at == dead_sums_.end()) return {};
  count_out(at->second);
  dead_sums_.erase(at);
  return {};
}

result<byte_buffer> store_tables::dead_body(std::uint64_t id) {
  auto found = get_dead_.bind(1, id).step();
  if (!found) return fail(std::move(found.error()));
  if (!*found) return fail(errc::store_corrupt, fmt::format("store: {} is not there", dead_label(id)));
  auto body = seal_.open(dead_label(id), get_dead_.bytes(0));
  get_dead_.reset();
  return body;
}

result<void> store_tables::set_note(const std::string& name, bytes_view value) {
  const auto at = notes_.find(name);
  const auto id = at == notes_.end() ? next_note_ : at->second.id;
  byte_buffer body;
  append_varint(body, name.size());
  append_bytes(body, name);
  append_bytes(body, value);
  const auto closed = seal_.close(note_label(id), body);
  if (auto done = put_note_.bind(1, id).bind(2, closed.sum).bind(3, bytes_view(closed.bytes)).run(); !done) return done;
  if (at == notes_.end())
    ++next_note_;
  else
    count_out(at->second.sum);
  count_in(closed.sum);
  notes_[name] = {id, closed.sum};
  return {};
}

result<void> store_tables::remove_notes() {
  if (auto done = db_.run("DELETE FROM notes"); !done) return done;
  for (const auto& [name, place] : notes_) count_out(place.sum);
  notes_.clear();
  return {};
}

result<void> store_tables::each_row(bool bodies, const std::function<void(const row_head&, bool)>& what) {
  auto get = db_.prepare(bodies ? "SELECT first, last, count, sum, length(body), body FROM rows ORDER BY first"
                                : "SELECT first, last, count, sum, length(body) FROM rows ORDER BY first");
  if (!get) return fail(std::move(get.error()));
  for (;;) {
    const auto found = get->step();
    if (!found) return fail(found.error());
    if (!*found) return {};
    const row_head row{get->natural(0), get->natural(1), get->natural(2), get->natural(3), get->natural(4)};
    saw(row.sum);
    what(row, !bodies || store_seal::is_whole(get->bytes(5), row.sum));
  }
}

result<void> store_tables::each_dead(const std::function<void(std::uint64_t, std::uint64_t, bool)>& what) {
  auto get = db_.prepare("SELECT id, sum, body FROM dead ORDER BY id");
  if (!get) return fail(std::move(get.error()));
  for (;;) {
    const auto found = get->step();
    if (!found) return fail(found.error());
    if (!*found) return {};
    const auto id = get->natural(0), sum = get->natural(1);
    saw(sum);
    next_dead_ = id + 1;
    dead_sums_[id] = sum;
    what(id, sum, store_seal::is_whole(get->bytes(2), sum));
  }
}

result<std::map<std::string, byte_buffer>> store_tables::read_notes(bool& whole) {
  std::map<std::string, byte_buffer> notes;
  whole = true;
  auto get = db_.prepare("SELECT id, sum, body FROM notes ORDER BY id");
  if (!get) return fail(std::move(get.error()));
  for (;;) {
    const auto found = get->step();
    if (!found) return fail(found.error());
    if (!*found) return notes;
    const auto id = get->natural(0), sum = get->natural(1);
    saw(sum);
    next_note_ = id + 1;
    const auto body = seal_.open(note_label(id), get->bytes(2));
    if (!body || !store_seal::is_whole(get->bytes(2), sum)) {
      whole = false;
      notes_[fmt::format("?{}", id)] = {id, sum};
      continue;
    }
    byte_reader in(*body);
    const std::string name(in.text(in.varint()));
    const auto value = in.rest();
    notes_[name] = {id, sum};
    notes.emplace(name, byte_buffer(value.begin(), value.end()));
  }
}

result<std::uint64_t> store_tables::quarantined() {
  auto count = db_.number("SELECT count(*) FROM quarantine");
  if (!count) return fail(std::move(count.error()));
  return static_cast<std::uint64_t>(*count);
}

result<std::uint64_t> store_tables::pages_used() {
  std::uint64_t pages = 0;
  for (auto* statement : {&page_count_, &free_count_}) {
    const auto found = statement->step();
    if (!found) return fail(found.error());
    pages = statement == &page_count_ ? statement->natural(0) : pages - statement->natural(0);
    statement->reset();
  }
  return pages;
}

}  // namespace quicsync::detail
