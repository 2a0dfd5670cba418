// The forms of docs/AGENTS.md, each run to its end and ended at each of its waits: no object may be destroyed twice,
// leak, or be used after its end. Compiled by run.sh with each compiler at -O0 and -O2 under the address sanitizer, so
// without CAF; the operations here have the same shapes as an agent's. With REFUSED=n it holds something that must not
// compile.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <quicsync/actors/agent/combine.hpp>
#include <quicsync/actors/agent/task.hpp>
#include <quicsync/actors/report.hpp>
#include <quicsync/codec/pattern.hpp>

using namespace quicsync;
using namespace std::chrono_literals;

namespace {

long alive = 0;

/// Counts itself; owns memory, so that a second destructor is seen.
class thing {
 public:
  explicit thing(const char* text = "a text too long for the small buffer") : owned_(new int(1)), text(text) {
    ++alive;
  }
  thing(const thing& other) : owned_(new int(*other.owned_)), text(other.text) { ++alive; }
  thing(thing&& other) noexcept : owned_(std::move(other.owned_)), text(std::move(other.text)) { ++alive; }
  thing& operator=(const thing& other) {
    text = other.text;
    return *this;
  }
  thing& operator=(thing&&) noexcept = default;
  ~thing() { --alive; }

 private:
  std::unique_ptr<int> owned_;

 public:
  std::string text;
};

/// Messages: with a constructor, without anything to destroy, and a plain aggregate, which only named variables may be.
struct question {
  question() = default;
  explicit question(std::string t) : text(std::move(t)) {}
  std::string text;
  thing held;
};
struct number {
  int value;
  double weight;
};
struct plain {
  std::string text;
  thing held;
};

template <class T>
class arrival final : public operation<T> {
 public:
  arrival(waiting_list& list, int& due, T value, wait_time within)
      : operation<T>(list, within), due_(&due), value_(std::move(value)) {}

 private:
  bool begin() override { return false; }
  bool look() override {
    if (*due_ == 0) return false;
    --*due_;
    this->outcome_ = std::move(value_);
    return true;
  }
  int* due_;
  T value_;
};

template <class T>
class ready_at_once final : public operation<T> {
 public:
  ready_at_once(waiting_list& list, T value) : operation<T>(list, forever), value_(std::move(value)) {}

 private:
  bool begin() override {
    this->outcome_ = std::move(value_);
    return true;
  }
  T value_;
};

/// The shapes of class agent.
class agent final : public waiting_list {
 public:
  agent() = default;
  ~agent() override = default;
  template <class T>
  arrival<T> receive(wait_time within = forever) {
    return {*this, due, T{}, within};
  }
  template <class R, class... Ts>
  arrival<R> ask(int, wait_time within, Ts&&...) {
    static_assert((survives_await<Ts> && ...) || (std::is_lvalue_reference_v<Ts> && ...),
                  "give the type a constructor");
    return {*this, due, R{}, within};
  }
  arrival<int> share(const pattern& what, delivery_wish wish = {}) {
    return {*this, due, static_cast<int>(what.id.size() + wish.wait_for.size()), forever};
  }
  arrival<int> share(std::vector<pattern> what, delivery_wish wish = {}) {
    return {*this, due, static_cast<int>(what.size() + wish.wait_for.size()), forever};
  }
  arrival<int> sleep(wait_time) { return {*this, due, 0, forever}; }
  ready_at_once<thing> held() { return {*this, thing{}}; }

  time_point now() const override { return {}; }
  void set_alarm(time_point) override {}
  int due = 0;
};

pattern make_gap(const std::string& id) {
  pattern p;
  p.id = id;
  p.data = "\"a text too long for the small buffer, as well\"";
  return p;
}
void use(const thing&, const std::string&) {}

task<std::string> helper(agent& self, thing given,
                         std::string why = "a default argument too long for the small buffer") {
  auto got = co_await self.receive<thing>();
  co_return got->text + given.text + why;
}
task<thing> giver(agent& self) { co_return *co_await self.receive<thing>(); }
task<plain> plain_giver(agent& self) {
  plain made;
  made.held = *co_await self.receive<thing>();
  co_return made;
}
task<int> thrower(agent& self, thing given) {
  co_await self.receive<thing>();
  throw std::runtime_error(given.text);
}
task<int> fall(agent& self, int depth) {
  if (depth == 0) co_return 0;
  const int below = co_await fall(self, depth - 1);
  co_return below + 1;
}

/// An agent can be a class.
class counter {
 public:
  task<void> operator()(agent& self, int times) {
    for (int i = 0; i < times; ++i) count_ += co_await step(self, thing{});
  }

 private:
  task<std::size_t> step(agent& self, thing given) {
    auto got = co_await self.receive<question>();
    co_return got->held.text.size() + given.text.size();
  }
  std::size_t count_ = 0;
  thing held_;
};

task<bool> must_not_run(agent&) {
  std::abort();
  co_return true;
}

using form = std::function<task<void>(agent&)>;
struct named_form {
  const char* text;
  form body;
};

#define FORM(...)                                                \
  forms.push_back({#__VA_ARGS__, [](agent& self) -> task<void> { \
                     (void)self;                                 \
                     __VA_ARGS__;                                \
                     co_return;                                  \
                   }})

std::vector<named_form> make_forms() {
  std::vector<named_form> forms;
  // Results
  FORM(co_await self.receive<thing>());
  FORM(auto got = co_await self.receive<question>(1s); if (!got) co_return; use(got->held, got->text));
  FORM(if (auto got = co_await self.receive<thing>(); got) use(*got, got->text));
  FORM(for (int i = 0; i < 3; ++i) if (!co_await self.receive<thing>(1s)) break);
  FORM(int i = 0; while (auto got = co_await self.receive<thing>()) if (++i == 3) break);
  FORM(auto text = (co_await self.receive<question>())->text; (void)text);
  FORM(thing kept; kept = *co_await self.receive<thing>(); use(kept, kept.text));
  FORM(use(*co_await self.receive<thing>(), (co_await self.receive<thing>())->text));
  FORM(std::string s = "a text in front of it, long enough " + (co_await self.receive<thing>())->text + "!"; (void)s);
  FORM(const auto& got = co_await self.receive<thing>(); use(*got, got->text));
  FORM(auto got = co_await self.receive<thing>(); auto f = [x = std::move(*got)] { return x.text.size(); };
       co_await self.receive<thing>(); f());
  FORM(auto kept = std::make_unique<thing>(*co_await self.receive<thing>()); co_await self.sleep(1s);
       use(*kept, kept->text));
  FORM(std::vector<thing> all; for (int i = 0; i < 3; ++i) all.push_back(*co_await self.receive<thing>()));
  FORM(if (co_await self.sleep(1s) && co_await self.sleep(1s)) co_await self.held());
  FORM(switch ((co_await self.sleep(1s)).value_or(1)) {
    case 0:
      co_await self.receive<thing>();
      break;
    default:
      break;
  });
  FORM(bool never = false; if (never && co_await must_not_run(self)) co_return;
       if (!never || co_await must_not_run(self)) co_await self.held());
  FORM(bool never = false; bool both = never && co_await must_not_run(self);
       bool either = !never || co_await must_not_run(self); if (both || !either) throw std::logic_error("wrong"));
  // Messages
  FORM(co_await self.ask<thing>(1, 1s, question("a text too long for the small buffer")));
  FORM(co_await self.ask<thing>(1, 1s, question()));
  FORM(co_await self.ask<question>(1, 1s, number{1, 2.5}));
  FORM(plain p{"a text too long for the small buffer", thing{}}; co_await self.ask<thing>(1, 1s, p));
  FORM(co_await self.ask<thing>(1, 1s, std::string("a text too long for the small buffer"), std::make_shared<plain>()));
  // Patterns
  FORM(co_await self.share(make_gap("gap")));
  FORM(co_await self.share(pattern{}));
  FORM(auto gap = make_gap("gap"); delivery_wish wish; wish.wait_for = {"one"}; co_await self.share(gap, wish));
  FORM(co_await self.share(make_gap("gap"), delivery_wish{}));
  FORM(std::vector<pattern> gaps{make_gap("one"), make_gap("two")}; co_await self.share(std::move(gaps)));
  FORM(co_await self.share(std::vector<pattern>(3, make_gap("gap"))));
  // Tasks
  FORM(auto text = co_await helper(self, thing{}); (void)text);
  FORM(co_await helper(self, *co_await self.receive<thing>(), "given"));
  FORM(auto got = co_await giver(self); use(got, got.text));
  FORM(auto got = co_await plain_giver(self); co_await self.sleep(1s); use(got.held, got.text));
  FORM(use(co_await giver(self), co_await helper(self, thing{})));
  FORM(try { co_await thrower(self, thing{}); } catch (const std::exception&){});
  FORM(
      bool failed = false;
      try { co_await thrower(self, thing{}); } catch (...) { failed = true; } if (failed) co_await self.held());
  FORM(co_await thrower(self, thing{}));
  FORM(auto got = co_await self.receive<thing>(); throw std::runtime_error(got->text));
  FORM(co_await [](agent& self, thing given) -> task<void> {
    co_await self.receive<thing>();
    use(given, given.text);
  }(self, thing{}));
  FORM(counter c; co_await c(self, 3));
  FORM(if (co_await fall(self, 20000) != 20000) throw std::logic_error("wrong"));
  FORM(for (int i = 0; i < 20000; ++i) co_await self.held());
  FORM(for (int i = 0; i < 5000; ++i) co_await fall(self, 1));
  // Several
  FORM(auto event = co_await first_of(self.receive<thing>(), self.sleep(1s));
       if (event.index() == 0) use(*event.get<0>(), ""));
  FORM(auto event = co_await first_of(giver(self), helper(self, thing{}), self.receive<question>());
       (void)event.index());
  FORM(auto event = co_await first_of(self.receive<thing>(), self.held());
       if (event.index() != 1) throw std::logic_error("wrong"));
  FORM(switch ((co_await first_of(self.receive<thing>(), giver(self))).index()) {
    case 0:
      break;
    default:
      co_await self.held();
  });
  FORM(for (int i = 0; i < 5000; ++i) co_await first_of(self.held(), self.receive<thing>()));
  FORM(auto [left, right] = co_await all_of(self.receive<thing>(), giver(self)); use(*left, right.text));
  FORM(auto both = co_await all_of(self.ask<thing>(1, 1s, question("x")), self.ask<thing>(2, 1s, question("y")));
       use(*std::get<0>(both), ""));
  FORM(std::vector<task<std::string>> parts; for (int i = 0; i < 3; ++i) parts.push_back(helper(self, thing{}));
       auto all = co_await all_of(std::move(parts)); (void)all.size());
  FORM(std::vector<task<int>> parts; parts.push_back(thrower(self, thing{})); parts.push_back(fall(self, 2));
       co_await all_of(std::move(parts)));
  FORM(co_await first_of(all_of(giver(self), self.receive<thing>()), self.sleep(1s)));
  FORM(try { co_await all_of(thrower(self, thing{}), self.receive<thing>()); } catch (const std::exception&){});
  FORM(co_await first_of(thrower(self, thing{}), self.receive<thing>(), fall(self, 0)));
#if defined(REFUSED) && REFUSED == 1
  FORM(co_await self.ask<thing>(1, 1s, plain{"text", thing{}}));
#elif defined(REFUSED) && REFUSED == 2
  FORM(co_await [](agent&, plain) -> task<void> { co_return; }(self, plain{"text", thing{}}));
#elif defined(REFUSED) && REFUSED == 3
  FORM(co_await self.share(pattern{.id = "x"}));
#endif
  return forms;
}

/// Runs a form and ends it after so many arrivals; false: it was done before.
bool run(const form& body, int arrivals, bool& leaked) {
  bool ended_early = false;
  {
    agent self;
    auto root = body(self);
    root.start(self.where(), {});
    for (int i = 0; i < arrivals && !root.done(); ++i) {
      self.due = 1;
      self.look_again();
    }
    ended_early = !root.done();
  }
  leaked = alive != 0;
  return ended_early;
}

/// To its end, and ended after each number of arrivals. Returns how often something was left.
int run_whole(const named_form& one) {
  alive = 0;
  for (int arrivals = 0;; ++arrivals) {
    bool leaked = false;
    const bool ended_early = run(one.body, arrivals, leaked);
    if (leaked || arrivals > 100) {
      std::printf("after %d arrivals %ld alive: %s\n", arrivals, alive, one.text);
      return 1;
    }
    if (!ended_early) return 0;
  }
}

}  // namespace

// Each form in a process of its own, so that one which crashes does not hide the others.
int main() {
  // A callable with captures is kept by its agent, so that its coroutine may use them.
  auto held = std::make_shared<std::string>("a text too long for the small buffer");
  auto forms = make_forms();
  forms.push_back({"a lambda that its agent keeps", [held](agent& self) -> task<void> {
                     co_await self.receive<thing>();
                     use(thing{}, *held);
                   }});
  int failures = 0;
  for (const auto& one : forms) {
    std::fflush(stdout);
    const auto child = fork();
    if (child == 0) {
      const int failed = run_whole(one);
      std::fflush(stdout);
      _exit(failed);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status == 0) continue;
    std::printf("FAILED: %s\n", one.text);
    ++failures;
  }
  std::printf("%zu forms, %d failures\n", forms.size(), failures);
  return failures == 0 ? 0 : 1;
}
