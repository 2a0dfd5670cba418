#include "support.hpp"

#include <fstream>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <quicsync/codec/json.hpp>

namespace quicsync::test {

store_place::store_place() {
  std::string name = (std::filesystem::temp_directory_path() / "quicsync-store-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  directory_ = name;
}

store_place::~store_place() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string store_place::key_file(std::string_view name, char fill) const {
  const auto file = path(name);
  std::ofstream(file, std::ios::binary) << std::string(32, fill);
  REQUIRE(::chmod(file.c_str(), 0600) == 0);
  return file;
}

store_options store_place::options() const {
  store_options o;
  o.path = path();
  o.key_seed = key_seed;
  return o;
}

std::string id_of(std::uint64_t number) { return fmt::format("pattern-{:08}", number); }

stored_set make_set(log_position_number first, const std::vector<sample_record>& records, std::string source) {
  slab_builder builder(key_seed);
  stored_set set;
  for (const auto& r : records) {
    pattern p;
    p.id = id_of(r.number);
    p.agent_id = "agent-of-tests";
    p.type = "secret-type";
    p.metadata.tags = {"secret-tag"};
    p.timestamp = 1'700'000'000'000 + static_cast<std::int64_t>(r.number);
    p.version = r.version;
    p.data = fmt::format(R"({{"n":{},"text":"secret text {}"}})", r.number,
                         std::string(r.data_bytes, static_cast<char>('a' + r.version % 26)));
    must(builder.add(p));
    stored_set::place place;
    place.position = first++;
    place.index = static_cast<std::uint16_t>(set.places.size());
    if (r.version > 1) {
      place.over_version = r.version - 1;
      place.over_source = "somebody";
    }
    set.places.push_back(place);
  }
  set.records = builder.finish();
  set.source = std::move(source);
  set.arrived_ms = 1'700'000'000'000 + static_cast<std::int64_t>(first);
  return set;
}

namespace {

void add_contents(std::map<log_position_number, std::string>& to, const stored_set& set) {
  for (const auto& place : set.places) {
    const auto record = set.records->record(place.index);
    std::string json;
    must(append_json(json, record));
    std::string audience;
    if (set.access.audience)
      for (const auto& name : *set.access.audience) audience += name + ",";
    to[place.position] =
        fmt::format("{} from '{}' at {} for '{}'{} on {} over {} of '{}'", json, set.source, set.arrived_ms, audience,
                    set.access.no_relay ? " alone" : "", to_string(place.on),
                    place.over_version ? fmt::to_string(*place.over_version) : "nothing", place.over_source);
  }
}

}  // namespace

std::map<log_position_number, std::string> contents_of(pattern_store& store) {
  std::map<log_position_number, std::string> all;
  log_position_number before = 0;
  must(store.load([&](stored_set set) -> result<void> {
    for (const auto& place : set.places) {
      REQUIRE(place.position > before);
      before = place.position;
    }
    add_contents(all, set);
    return {};
  }));
  return all;
}

std::map<log_position_number, std::string> contents_of(const std::vector<stored_set>& sets) {
  std::map<log_position_number, std::string> all;
  for (const auto& set : sets) {
    add_contents(all, set);
    for (const auto p : set.superseded) all.erase(p);
  }
  return all;
}

std::unique_ptr<pattern_store> must_open(store_options options) {
  auto opened = pattern_store::open(std::move(options));
  if (!opened) FAIL(to_string(opened.error()));
  return std::move(*opened);
}

void must(const result<void>& done) {
  if (!done) FAIL(to_string(done.error()));
}

}  // namespace quicsync::test
