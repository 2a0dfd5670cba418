#include <chrono>
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <quicsync/actors/store/pattern_store.hpp>
#include <quicsync/actors/store/store_copy.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/transport/crypto.hpp>
#include <quicsync/transport/file_descriptor.hpp>

#include "commands.hpp"
#include "errors.hpp"
#include "line_reader.hpp"
#include "output.hpp"
#include "pattern_printer.hpp"
#include "store_import.hpp"
#include "temporary_directory.hpp"

namespace quicsync::cli {
namespace {

struct store_arguments {
  std::string file, key_file, other;
  bool json = false;
};

constexpr std::size_t printed_bytes_at_once = 64u << 10;

/// A copy of the store as of now, opened; a node may work on the store meanwhile.
struct opened_copy {
  std::unique_ptr<temporary_directory> place;
  std::string path;
  std::unique_ptr<pattern_store> store;
};

/// The error with the name that the user gave, not that of a copy.
error of_the_original(const store_arguments& options, const std::string& path, error what) {
  for (auto at = what.context.find(path); at != std::string::npos; at = what.context.find(path, at)) {
    what.context.replace(at, path.size(), options.file);
    at += options.file.size();
  }
  return what;
}

result<std::unique_ptr<pattern_store>> open_store(const store_arguments& options, const std::string& path,
                                                  bool create) {
  store_options o;
  o.path = path;
  o.key_file = options.key_file;
  o.create = create;
  o.may_be_copy = path != options.file;  // of a backup, which has no witness
  crypto::random_bytes(reinterpret_cast<std::uint8_t*>(&o.key_seed), sizeof o.key_seed);
  auto opened = pattern_store::open(std::move(o));
  if (!opened) return fail(of_the_original(options, path, std::move(opened.error())));
  return opened;
}

result<opened_copy> open_copy(const store_arguments& options) {
  opened_copy made;
  auto place = temporary_directory::make("store");
  if (!place) return fail(std::move(place.error()));
  made.place = std::move(*place);
  made.path = (made.place->path() / "copy.db").string();
  if (auto done = copy_store(options.file, made.path); !done) return fail(std::move(done.error()));
  auto opened = open_store(options, made.path, false);
  if (!opened) return fail(std::move(opened.error()));
  made.store = std::move(*opened);
  return made;
}

/// What is there and what is not, as a line of JSON; the exit code.
int print_findings(const store_arguments& options, const std::string& path, pattern_store& store) {
  std::uint64_t records = 0, deletions = 0;
  auto loaded = store.load([&](stored_set set) -> result<void> {
    for (const auto& place : set.places) ++(set.records->item(place.index).deleted ? deletions : records);
    return {};
  });
  if (!loaded) return report(loaded.error());
  auto state = store.state();
  if (state.lost) state.lost = of_the_original(options, path, *state.lost);
  print_line(fmt::format(
      R"({{"file":{},"patterns":{},"deletions":{},"superseded":{},"rows":{},"bytes":{},"position":{},"damagedRows":{}{}}})",
      json_quoted(options.file), records, deletions, state.dead, state.rows, state.bytes, store.durable_position(),
      state.quarantined, state.lost ? R"(,"lost":)" + json_quoted(state.lost->context) : std::string()));
  if (state.lost) {
    print_error(state.lost->context);
    return exit_failed;
  }
  return exit_done;
}

int check_store(const store_arguments& options) {
  auto copy = open_copy(options);
  return copy ? print_findings(options, copy->path, *copy->store) : report(copy.error());
}

int export_store(const store_arguments& options) {
  auto copy = open_copy(options);
  if (!copy) return report(copy.error());
  pattern_printer printer(wants_table(options.json));
  std::string text;
  auto done = copy->store->load([&](stored_set set) -> result<void> {
    for (const auto& place : set.places) {
      if (auto printed = printer.append(text, set.records->record(place.index)); !printed) return printed;
    }
    if (text.size() < printed_bytes_at_once) return {};
    const bool written = write_all(STDOUT_FILENO, text);
    text.clear();
    return written ? result<void>() : fail(errc::io_failed, "cannot write to stdout");
  });
  if (done && !write_all(STDOUT_FILENO, text)) done = fail(errc::io_failed, "cannot write to stdout");
  if (!done) return report(done.error());
  if (const auto lost = copy->store->state().lost) return report(of_the_original(options, copy->path, *lost));
  return exit_done;
}

int import_store(const store_arguments& options) {
  const bool from_stdin = options.other == "-";
  const file_descriptor file(from_stdin ? -1 : ::open(options.other.c_str(), O_RDONLY | O_CLOEXEC));
  if (!from_stdin && !file) return report({errc::no_file, fmt::format("cannot open {}", options.other)});
  auto store = open_store(options, options.file, true);
  if (!store) return report(store.error());
  std::uint64_t key_seed = 0;
  crypto::random_bytes(reinterpret_cast<std::uint8_t*>(&key_seed), sizeof key_seed);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  auto import =
      store_import::begin(**store, key_seed, std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  if (!import) return report(import.error());
  line_reader lines(from_stdin ? STDIN_FILENO : file.get(), limits::pattern_bytes);
  std::uint64_t refused = 0;
  while (!lines.at_end()) {
    const auto line = lines.next();
    if (!line) {
      if (auto done = lines.fill(); !done) return report(done.error());
      continue;
    }
    if (!line->too_long && line->text.find_first_not_of(" \t\r") == line->text.npos) continue;
    auto done = line->too_long ? fail(errc::too_large, "the line is too long") : import->add(line->text);
    if (done) continue;
    if ((*store)->state().failed || done.error().code == errc::store_full) return report(done.error());
    ++refused;
    print_error(fmt::format("{}:{}: {}", from_stdin ? "stdin" : options.other, line->number, to_string(done.error())));
  }
  auto done = import->finish();
  if (done) done = (*store)->witness(true);
  if (!done) return report(done.error());
  print_line(fmt::format(R"({{"imported":{},"known":{},"refused":{}}})", import->taken(), import->known(), refused));
  return refused == 0 ? exit_done : exit_failed;
}

int back_up_store(const store_arguments& options) {
  std::error_code problem;
  if (std::filesystem::exists(options.other, problem))
    return report({errc::usage, fmt::format("{} is there already: name a new file", options.other)});
  if (auto done = copy_store(options.file, options.other); !done) return report(done.error());
  auto store = open_store(options, options.other, false);
  if (!store) return report(store.error());
  const int code = print_findings(options, options.other, **store);
  store->reset();
  // Without them it is one file. Whoever takes it for a store is told that it is older than what was.
  remove_companions(options.other);
  return code;
}

int change_key(const store_arguments& options) {
  store_options o;
  o.path = options.file;
  o.key_file = options.key_file;
  auto done = pattern_store::change_key(std::move(o), options.other);
  return done ? exit_done : report(done.error());
}

}  // namespace

action add_store(CLI::App& app) {
  auto options = std::make_shared<store_arguments>();
  auto chosen = std::make_shared<action>();
  app.require_subcommand(1);
  auto add = [&](const char* name, const char* about, int (*run)(const store_arguments&)) -> CLI::App& {
    auto* sub = app.add_subcommand(name, about);
    sub->add_option("file", options->file, "The store")->type_name("FILE")->required();
    sub->add_option("--store-key", options->key_file, "The file with its key: 32 bytes, for its owner only")
        ->type_name("FILE");
    sub->callback([options, chosen, run] { *chosen = [options, run] { return run(*options); }; });
    sub->footer(fmt::format("Example:\n  quicsync store {} ~/.local/state/quicsync/alpha.db{}", name,
                            std::string_view(name) == "import"   ? " patterns.jsonl"
                            : std::string_view(name) == "backup" ? " alpha-backup.db"
                            : std::string_view(name) == "rekey"  ? " --store-key old.key --new-key new.key"
                                                                 : ""));
    return *sub;
  };
  add("check", "Read all of a store, also while a node runs on it, and say what is there and what is damaged",
      check_store);
  auto& exported = add("export", "Print the patterns of a store, also while a node runs on it", export_store);
  exported.add_flag("--json", options->json, "Print JSON on a terminal, too");
  auto& imported = add("import", "Put patterns into a store; those that it has newer stay", import_store);
  imported.add_option("input", options->other, "One JSON object a line; - is stdin")
      ->type_name("INPUT|-")
      ->default_val("-");
  auto& backed_up = add("backup", "Copy a store as of now into one file, also while a node runs on it", back_up_store);
  backed_up.add_option("to", options->other, "The copy; it must not be there")->type_name("COPY")->required();
  auto& rekeyed = add("rekey", "Change the key of a store; its records are not written again", change_key);
  rekeyed.add_option("--new-key", options->other, "The file with the new key")->type_name("FILE")->required();
  app.footer("Example:\n  quicsync store check ~/.local/state/quicsync/alpha.db");
  return [chosen] { return (*chosen)(); };
}

}  // namespace quicsync::cli
