#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <quicsync/transport/event_loop.hpp>

namespace quicsync {

namespace {

using std::chrono::steady_clock;

// Bounds of one turn. Timers and sockets wait for as long as a turn takes, so it ends after this time, give or take one
// round of `jobs_between_clock_reads`.
constexpr std::chrono::microseconds turn_budget{500};
constexpr unsigned jobs_between_clock_reads = 16;
// Messages an actor may handle before it goes to the back of the queue: enough to merge, little enough to stay fair.
constexpr std::size_t messages_per_resume = 64;
constexpr std::size_t events_per_wait = 64;
constexpr std::chrono::microseconds busy_poll_max{1'000'000};

// epoll_event::data of the bell; sources are numbered from 1.
constexpr std::uint64_t bell_number = 0;

thread_local const event_loop* running_here = nullptr;

std::array<epoll_event, events_per_wait>& event_buffer() {
  thread_local std::array<epoll_event, events_per_wait> buffer;
  return buffer;
}

// For counters that only the loop's thread writes.
void count(std::atomic<std::uint64_t>& counter) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

// -- life ---------------------------------------------------------------------------------------------------------

result<std::unique_ptr<event_loop>> event_loop::make(caf::actor_system& system, std::chrono::microseconds busy_poll) {
  const auto failed = [](const char* call) {
    return fail(errc::io_failed,
                std::string("cannot make an event loop: ") + call + ": " + std::generic_category().message(errno));
  };
  file_descriptor poll(epoll_create1(EPOLL_CLOEXEC));
  if (!poll) return failed("epoll_create1");
  file_descriptor bell(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!bell) return failed("eventfd");
  epoll_event interest{};
  interest.events = EPOLLIN;
  interest.data.u64 = bell_number;
  if (epoll_ctl(poll.get(), EPOLL_CTL_ADD, bell.get(), &interest) != 0) return failed("epoll_ctl");
  return std::unique_ptr<event_loop>(
      new event_loop(system, std::move(poll), std::move(bell), std::min(busy_poll, busy_poll_max)));
}

event_loop::event_loop(caf::actor_system& system, file_descriptor poll, file_descriptor bell,
                       std::chrono::microseconds busy_poll)
    : loop(&system),
      poll_(std::move(poll)),
      inbox_(std::make_shared<loop_inbox>(system, *this, std::move(bell))),
      busy_poll_(busy_poll) {}

event_loop::~event_loop() { inbox_->close(); }

const event_loop* event_loop::here() noexcept { return running_here; }

void event_loop::run() {
  running_here = this;
  do {
    count(turns_);
    run_jobs();
    end_turn();
  } while (wait());
  inbox_->close();
  running_here = nullptr;
  // An actor that is dropped before it ever ran ends on the thread that drops it, which may still be inside unpin():
  // after this it is not, and the loop may be destroyed.
  const std::lock_guard last_one_out(unpinning_);
}

void event_loop::request_stop() noexcept {
  stopping_.store(true, std::memory_order_seq_cst);
  inbox_->wake();
}

void event_loop::pin() { pinned_.fetch_add(1, std::memory_order_relaxed); }

void event_loop::unpin() {
  const std::lock_guard hold(unpinning_);
  if (pinned_.fetch_sub(1, std::memory_order_seq_cst) == 1) inbox_->wake();
}

event_loop::counters event_loop::statistics() const noexcept {
  constexpr auto relaxed = std::memory_order_relaxed;
  return {turns_.load(relaxed), wakes_.load(relaxed), jobs_.load(relaxed), inbox_->rings()};
}

// -- jobs ---------------------------------------------------------------------------------------------------------

void event_loop::exec_later(caf::resumable* job) {
  if (job->subtype() != caf::resumable::io_actor)
    caf_compat::schedule_on_pool(system(), job);
  else if (here() == this)
    ready_.push(static_cast<loop_actor*>(job));
  else  // an actor that was dropped by another thread says its last words there
    inbox_->exec_later(job);
}

void event_loop::run_jobs() {
  inbox_->take(ready_);
  if (ready_.empty()) return;
  const auto end = now() + turn_budget;
  unsigned until_clock_read = jobs_between_clock_reads;
  while (auto* job = ready_.pop()) {
    count(jobs_);
    // Once resume() says that the actor waits for a message, another thread may post it again: hands off.
    if (job->resume(this, messages_per_resume) == caf::resumable::resume_later)
      ready_.push(job);
    else
      caf_compat::release(job);
    if (--until_clock_read == 0) {
      if (now() >= end) return;
      until_clock_read = jobs_between_clock_reads;
    }
    if (ready_.empty()) inbox_->take(ready_);
  }
}

// -- sources ------------------------------------------------------------------------------------------------------

// Sources come and go inside the callbacks: every walk goes by index, and a removed one stays as a hole until the
// turn's end.

event_loop::entry* event_loop::find(const source* what) noexcept {
  const auto at = std::find_if(sources_.begin(), sources_.end(), [&](const entry& e) { return e.what == what; });
  return at == sources_.end() ? nullptr : &*at;
}

void event_loop::add(source* what, int descriptor, unsigned events) {
  sources_.push_back({what, ++last_number_, descriptor, time_point::max()});
  if (descriptor < 0) return;
  epoll_event interest{};
  interest.events = events;
  interest.data.u64 = last_number_;
  if (epoll_ctl(poll_.get(), EPOLL_CTL_ADD, descriptor, &interest) != 0) {
    const auto why = errno;
    sources_.back().what = nullptr;
    removed_some_ = true;
    // Thrown inside the actor that adds its socket: it ends with this text.
    throw std::system_error(why, std::generic_category(), "cannot watch a descriptor");
  }
}

void event_loop::change(source* what, unsigned events) {
  auto* known = find(what);
  if (known == nullptr || known->descriptor < 0) return;
  epoll_event interest{};
  interest.events = events;
  interest.data.u64 = known->number;
  epoll_ctl(poll_.get(), EPOLL_CTL_MOD, known->descriptor, &interest);
}

void event_loop::remove(source* what) {
  auto* known = find(what);
  if (known == nullptr) return;
  if (known->descriptor >= 0) epoll_ctl(poll_.get(), EPOLL_CTL_DEL, known->descriptor, nullptr);
  known->what = nullptr;
  known->deadline = time_point::max();
  removed_some_ = true;
}

void event_loop::set_deadline(source* what, time_point when) {
  if (auto* known = find(what)) known->deadline = when;
}

void event_loop::end_turn() {
  for (std::size_t i = 0; i < sources_.size(); ++i)
    if (auto* what = sources_[i].what) what->on_turn_end();
  if (!removed_some_) return;
  removed_some_ = false;
  std::erase_if(sources_, [](const entry& e) { return e.what == nullptr; });
}

time_point event_loop::next_deadline() const noexcept {
  auto earliest = time_point::max();
  for (const auto& known : sources_) earliest = std::min(earliest, known.deadline);
  return earliest;
}

void event_loop::fire_deadlines() {
  if (next_deadline() == time_point::max()) return;
  const auto current = now();
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].what == nullptr || sources_[i].deadline > current) continue;
    sources_[i].deadline = time_point::max();
    sources_[i].what->on_deadline();
  }
}

// -- waiting ------------------------------------------------------------------------------------------------------

// False: the loop ends. What decides that is read after the sleep was announced, see loop_inbox.
bool event_loop::wait() {
  const bool looks = ready_.empty() && busy_poll_ != busy_poll_.zero();
  auto ready = looks ? poll_busily() : 0;
  if (ready <= 0 && !(looks && inbox_->has_jobs())) {
    auto until = time_point::min();  // work is left: only look
    if (ready_.empty() && inbox_->announce_sleep()) {
      if (stopping_.load(std::memory_order_seq_cst) && pinned_.load(std::memory_order_seq_cst) == 0) return false;
      count(wakes_);
      until = next_deadline();
    }
    ready = wait_for_events(until);
    inbox_->end_sleep();
  }
  dispatch(ready);
  fire_deadlines();
  return true;
}

// As long as is wanted, until something is there to do. Nobody has to wake the loop meanwhile, which costs both sides
// more than this does. Returns the number of events.
int event_loop::poll_busily() {
  const auto end = std::min(now() + busy_poll_, next_deadline());
  int ready = 0;
  do ready = wait_for_events(time_point::min());
  while (ready == 0 && !inbox_->has_jobs() && !stopping_.load(std::memory_order_relaxed) && now() < end);
  return ready;
}

int event_loop::wait_for_events(time_point until) {
  auto& events = event_buffer();
  const auto room = static_cast<int>(events.size());
  if (until == time_point::max()) return epoll_wait(poll_.get(), events.data(), room, -1);
  if (until == time_point::min()) return epoll_wait(poll_.get(), events.data(), room, 0);
  const auto left = std::max(until - now(), steady_clock::duration::zero());
#if defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 35)
  if (precise_waits_) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    timespec timeout{};
    timeout.tv_sec = seconds.count();
    timeout.tv_nsec = std::chrono::nanoseconds(left - seconds).count();
    const auto ready = epoll_pwait2(poll_.get(), events.data(), room, &timeout, nullptr);
    if (ready >= 0 || errno != ENOSYS) return ready;
    precise_waits_ = false;
  }
#endif
#endif
  constexpr std::chrono::milliseconds longest{60'000};
  const auto rounded = std::min(std::chrono::ceil<std::chrono::milliseconds>(left), longest);
  return epoll_wait(poll_.get(), events.data(), room, static_cast<int>(rounded.count()));
}

void event_loop::dispatch(int count_of_events) {
  auto& events = event_buffer();
  for (int i = 0; i < count_of_events; ++i) {
    const auto number = events[static_cast<std::size_t>(i)].data.u64;
    if (number == bell_number) {
      inbox_->silence_bell();
      continue;
    }
    const auto at = std::find_if(sources_.begin(), sources_.end(), [&](const entry& e) { return e.number == number; });
    if (at != sources_.end() && at->what != nullptr) at->what->on_ready(events[static_cast<std::size_t>(i)].events);
  }
}

}  // namespace quicsync
