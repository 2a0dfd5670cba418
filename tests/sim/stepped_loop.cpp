#include <algorithm>

#include <tests/sim/stepped_loop.hpp>

namespace quicsync::sim {

// Holders of handles keep it when the loop is gone.
class stepped_loop::entrance final : public caf_compat::executor {
 public:
  entrance(caf::actor_system& system, stepped_loop& owner) : caf_compat::executor(&system), owner_(&owner) {}

  void exec_later(caf::resumable* job) override {
    if (owner_ != nullptr)
      owner_->exec_later(job);
    else
      caf_compat::release(job);
  }
  void close() noexcept { owner_ = nullptr; }

 private:
  stepped_loop* owner_;
};

stepped_loop::stepped_loop(caf::actor_system& system, std::function<time_point()> clock)
    : loop(&system), clock_(std::move(clock)), door_(std::make_shared<entrance>(system, *this)) {}

stepped_loop::~stepped_loop() {
  while (!jobs_.empty()) {
    auto* job = jobs_.back();
    jobs_.pop_back();
    caf_compat::release(job);
  }
  door_->close();
}

std::shared_ptr<caf_compat::executor> stepped_loop::door() { return door_; }

void stepped_loop::exec_later(caf::resumable* job) {
  if (job->subtype() == caf::resumable::io_actor)
    jobs_.push_back(job);
  else
    caf_compat::schedule_on_pool(system(), job);
}

// -- stepping -----------------------------------------------------------------------------------------------------

std::size_t stepped_loop::choices() const {
  auto count = jobs_.size();
  const auto current = now();
  for (const auto& known : sources_) count += std::size_t{known.is_ready()} + std::size_t{known.deadline <= current};
  return count + std::size_t{turn_open_ && jobs_.empty()};
}

void stepped_loop::step(std::size_t choice, std::size_t messages) {
  if (choice < jobs_.size()) {
    auto* job = jobs_[choice];
    jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(choice));
    turn_open_ = true;
    if (on_job) on_job(*job);
    if (job->resume(this, messages) == caf::resumable::resume_later)
      jobs_.push_back(job);
    else
      caf_compat::release(job);
    return;
  }
  choice -= jobs_.size();
  const auto current = now();
  for (auto& known : sources_) {
    if (known.is_ready() && choice-- == 0) {
      turn_open_ = true;
      known.what->on_ready(std::exchange(known.ready, 0) & known.interest);
      return;
    }
    if (known.deadline <= current && choice-- == 0) {
      turn_open_ = true;
      known.deadline = time_point::max();
      known.what->on_deadline();
      return;
    }
  }
  end_turn();
}

void stepped_loop::end_turn() {
  turn_open_ = false;
  // A source may go, and others come, inside the call.
  std::vector<source*> told;
  for (const auto& known : sources_) told.push_back(known.what);
  for (auto* each : told)
    if (std::any_of(sources_.begin(), sources_.end(), [&](const entry& e) { return e.what == each; }))
      each->on_turn_end();
}

time_point stepped_loop::next_deadline() const {
  auto earliest = time_point::max();
  for (const auto& known : sources_) earliest = std::min(earliest, known.deadline);
  return earliest;
}

void stepped_loop::signal(int descriptor, unsigned events) {
  for (auto& known : sources_)
    if (known.descriptor == descriptor) known.ready |= events;
}

// -- sources ------------------------------------------------------------------------------------------------------

void stepped_loop::add(source* what, int descriptor, unsigned events) {
  sources_.push_back({what, descriptor, events, 0, time_point::max()});
  turn_open_ = true;
}

void stepped_loop::change(source* what, unsigned events) {
  for (auto& known : sources_)
    if (known.what == what) known.interest = events;
}

void stepped_loop::remove(source* what) {
  std::erase_if(sources_, [&](const entry& e) { return e.what == what; });
}

void stepped_loop::set_deadline(source* what, time_point when) {
  for (auto& known : sources_)
    if (known.what == what) known.deadline = when;
}

}  // namespace quicsync::sim
