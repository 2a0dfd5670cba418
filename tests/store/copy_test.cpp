#include <atomic>
#include <filesystem>
#include <thread>

#include <catch2/catch_test_macros.hpp>

#include <quicsync/actors/store/store_copy.hpp>

#include "support.hpp"

namespace quicsync {

using namespace test;

TEST_CASE("store copy: a copy taken while the store is written is whole, and as of one moment", "[store]") {
  store_place place;
  std::atomic<log_position_number> durable{0};
  std::atomic<bool> end{false};
  std::thread writer([&] {
    auto store = must_open(place.options());
    for (log_position_number p = 1; !end; ++p) {
      // Always the same pattern, so that a copy holds the one of its moment.
      auto set = make_set(p, {{1, p, 3000}});
      if (p > 1) set.superseded = {p - 1};
      must(store->write({&set, 1}));
      durable = p;
      must(store->compact(std::chrono::microseconds(1)) ? result<void>() : fail(errc::internal, "compact"));
      must(store->checkpoint(p % 7 == 0) ? result<void>() : fail(errc::internal, "checkpoint"));
    }
  });
  while (durable == 0) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) {
    const auto to = place.path("copy" + std::to_string(i));
    const auto before = durable.load();
    const auto done = copy_store(place.path(), to);
    const auto after = durable.load();
    if (!done) {
      end = true;
      writer.join();
      FAIL(to_string(done.error()));
    }
    auto options = place.options();
    options.path = to;
    auto copy = pattern_store::open(options);
    const bool fits = copy && !(*copy)->state().lost && (*copy)->durable_position() >= before &&
                      (*copy)->durable_position() <= after + 1 && contents_of(**copy).size() == 1;
    if (!fits) {
      end = true;
      writer.join();
      FAIL((copy ? "the copy is not of one moment" : to_string(copy.error())));
    }
    copy->reset();
    remove_companions(to);
    CHECK(std::filesystem::exists(to));
  }
  end = true;
  writer.join();
}

}  // namespace quicsync
