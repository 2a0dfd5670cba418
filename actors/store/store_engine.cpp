#include <quicsync/actors/store/store_engine.hpp>

namespace quicsync {
namespace {

class sqlite_engine final : public store_engine {
 public:
  explicit sqlite_engine(std::unique_ptr<pattern_store> store) : store_(std::move(store)) {}

  std::uint64_t incarnation() const override { return store_->incarnation(); }
  log_position_number durable_position() const override { return store_->durable_position(); }
  result<void> load(const std::function<result<void>(stored_set)>& each) override { return store_->load(each); }
  result<void> write(std::span<const stored_set> sets, log_position_number reached) override {
    return store_->write(sets, {}, reached);
  }
  result<pattern_store::reading> read(std::span<const log_position_number> positions) override {
    return store_->read(positions);
  }
  result<void> clear() override { return store_->clear(); }
  result<bool> compact(std::chrono::microseconds budget) override { return store_->compact(budget); }
  result<bool> checkpoint() override { return store_->checkpoint(); }
  result<void> witness() override { return store_->witness(); }
  bool witness_due() const override { return store_->witness_due().has_value(); }
  store_state state() const override { return store_->state(); }

 private:
  std::unique_ptr<pattern_store> store_;
};

}  // namespace

store_opener open_pattern_store(store_options options) {
  return [options = std::move(options)](std::uint64_t key_seed) -> result<std::unique_ptr<store_engine>> {
    auto with_seed = options;
    with_seed.key_seed = key_seed;
    auto opened = pattern_store::open(std::move(with_seed));
    if (!opened) return fail(std::move(opened.error()));
    return std::unique_ptr<store_engine>(std::make_unique<sqlite_engine>(std::move(*opened)));
  };
}

}  // namespace quicsync
