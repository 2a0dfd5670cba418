// What tests of the store share: sets of records made of a number, and what of a store must come out again.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <quicsync/actors/store/pattern_store.hpp>

namespace quicsync::test {

inline constexpr std::uint64_t key_seed = 7;

/// A directory of its own, removed at the end.
class store_place {
 public:
  store_place();
  ~store_place();
  store_place(const store_place&) = delete;
  store_place& operator=(const store_place&) = delete;
  std::string path(std::string_view name = "a.db") const { return (directory_ / name).string(); }
  /// A key file of 32 equal bytes, mode 0600.
  std::string key_file(std::string_view name, char fill) const;
  store_options options() const;

 private:
  std::filesystem::path directory_;
};

/// The id, version and data that stand for a number.
std::string id_of(std::uint64_t number);

/// One record of a set: the pattern `number` in this version.
struct sample_record {
  std::uint64_t number = 0;
  std::uint64_t version = 1;
  std::size_t data_bytes = 40;
};
/// A set of them from `first` on, in a slab of their own.
stored_set make_set(log_position_number first, const std::vector<sample_record>& records, std::string source = {});

/// Live records of a store: by position, the id, version and everything beside them as text.
std::map<log_position_number, std::string> contents_of(pattern_store& store);
/// The same of sets, as if a store had taken them.
std::map<log_position_number, std::string> contents_of(const std::vector<stored_set>& sets);

/// Fails the test with the error's text.
std::unique_ptr<pattern_store> must_open(store_options options);
void must(const result<void>& done);

}  // namespace quicsync::test
