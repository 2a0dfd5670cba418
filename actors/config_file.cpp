#include <fstream>
#include <sstream>

#include <quicsync/actors/config_file.hpp>
#include <quicsync/actors/config_reader.hpp>
#include <quicsync/codec/filter.hpp>

namespace quicsync {
namespace {

constexpr std::int64_t second_ms = 1000, hour_ms = 3600 * second_ms, day_ms = 24 * hour_ms, year_ms = 366 * day_ms;
/// What no machine of today has more of, so that a slip of the finger is seen.
constexpr std::int64_t count_max = 1'000'000'000'000;

bool is_fingerprint(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

/// Puts what the file's sections say into the configuration.
class file_reader {
 public:
  file_reader(node_config& to, const std::filesystem::path& folder, config_complaint& complaint)
      : to_(to), folder_(folder), complaint_(complaint) {}

  void read(const config_value& whole) {
    config_reader top(whole, "", complaint_);
    top.read("id", to_.id);
    top.read("admin", to_.admin);
    if (to_.admin.find('/') != to_.admin.npos || to_.admin.ends_with(".sock"))
      to_.admin = (folder_ / to_.admin).string();  // else a port, or none
    top.section("store", [this](config_reader& in) { store(in); });
    top.section("quic", [this](config_reader& in) { quic(in); });
    top.section("patterns", [this](config_reader& in) { patterns(in); });
    top.section("security", [this](config_reader& in) { security(in); });
    top.section("limits", [this](config_reader& in) { both_limits(in, to_.limits); });
    top.section("monitoring", [this](config_reader& in) { monitoring(in); });
    top.finish();
  }

 private:
  void store(config_reader& in) {
    std::string file;
    in.read("file", file);
    if (!file.empty()) to_.store = file == "none" ? file : (folder_ / file).string();
    file_name(in, "key", to_.store_key);
    in.read("maxBytes", to_.store_bytes_max, 1 << 20, 1000 * count_max);
    in.read("required", to_.store_required);
  }

  void quic(config_reader& in) {
    in.read("enabled", to_.enabled);
    in.read("host", to_.host);
    in.read("port", to_.port, 0, 65535);
    in.each("peers", [this](const config_value& value, const std::string& key) { peer(value, key); });
    filter_text(in, "filter", to_.filter);
    in.read("syncInterval", to_.sync_interval, 0, day_ms);
    in.read("batchSize", to_.batch_size, 1, 65536);
    in.read("compression", to_.compression);
    in.read("deltas", to_.deltas);
    in.read("busyPoll", to_.busy_poll, 0, 1'000'000);
    in.section("tls", [this](config_reader& tls) {
      file_name(tls, "cert", to_.cert);
      file_name(tls, "key", to_.key);
      file_name(tls, "ca", to_.ca);
      tls.read("rejectUnauthorized", to_.reject_unauthorized);
    });
    in.section("retry", [this](config_reader& retry) {
      retry.read("maxAttempts", to_.retry.max_attempts, 1, 1'000'000);
      retry.read("baseDelay", to_.retry.base_delay, 1, hour_ms);
      const auto* most = retry.find("maxDelay");
      retry.read("maxDelay", to_.retry.max_delay, 1, day_ms);
      retry.read("backoffMultiplier", to_.retry.multiplier, 1.0, 100.0);
      if (most != nullptr && to_.retry.max_delay < to_.retry.base_delay)
        complaint_.add(most->line, "quic.retry.maxDelay",
                       fmt::format("{} ms is out of range: at least baseDelay, which is {} ms",
                                   to_.retry.max_delay.count(), to_.retry.base_delay.count()));
      to_.retry.max_delay = std::max(to_.retry.max_delay, to_.retry.base_delay);
    });
  }

  void peer(const config_value& value, const std::string& key) {
    config_reader in(value, key, complaint_);
    peer_config peer;
    in.read("id", peer.id);
    in.require("address");
    in.read("address", peer.address);
    in.read("port", peer.port, 1, 65535);
    in.read_optional("priority", peer.priority, 1, 10);
    in.read("tags", peer.tags);
    if (std::string wanted; filter_text(in, "filter", wanted)) peer.filter = wanted;
    in.section("limits", [&](config_reader& inner) {
      peer.limits.emplace();
      both_limits(inner, *peer.limits);
    });
    in.finish();
    for (const auto& other : to_.peers)
      if (!peer.id.empty() && other.id == peer.id)
        complaint_.add(value.line, key, fmt::format("there are two peers with the id '{}'", peer.id));
    to_.peers.push_back(std::move(peer));
  }

  void patterns(config_reader& in) {
    in.read_optional("cacheSize", to_.cache_entries, 1, count_max);
    in.read("cacheBytes", to_.cache_bytes, 1 << 20, count_max);
    const auto* reserved = in.find("cacheReserve");
    in.read("cacheReserve", to_.cache_reserve, 0, count_max);
    if (reserved != nullptr && to_.cache_bytes != 0 && to_.cache_reserve > to_.cache_bytes)
      complaint_.add(
          reserved->line, "patterns.cacheReserve",
          fmt::format("{} is out of range: at most cacheBytes, which is {}", to_.cache_reserve, to_.cache_bytes));
    in.read_optional("cacheTTL", to_.cache_ttl, 1, 10 * year_ms);
    in.read("tombstoneHorizon", to_.tombstone_horizon, second_ms, 10 * year_ms);
    in.section("syncPriority", [this](config_reader& types) {
      types.read("high", to_.sync_priority.high);
      types.read("medium", to_.sync_priority.medium);
      types.read("low", to_.sync_priority.low);
      std::vector<std::string> seen;
      for (const auto* list : {&to_.sync_priority.high, &to_.sync_priority.medium, &to_.sync_priority.low})
        for (const auto& type : *list) {
          if (std::find(seen.begin(), seen.end(), type) != seen.end())
            complaint_.add(types.line(), "patterns.syncPriority",
                           fmt::format("the type '{}' stands there twice", type));
          seen.push_back(type);
        }
    });
  }

  void security(config_reader& in) {
    in.read("enableAuth", to_.enable_auth);
    in.read("allowedPeers", to_.allowed_peers);
    if (const auto* member = in.find("requireTLS")) {
      bool required = true;
      in.read("requireTLS", required);
      if (!required)
        complaint_.add(member->line, "security.requireTLS",
                       "false is impossible: QUIC is always encrypted; the range is true");
    }
    in.section("rules", [this](config_reader& rules) { read_rules(rules); });
    if (const auto* pinned = in.find("pinned")) {
      const auto* members = std::get_if<config_value::object>(&pinned->is);
      if (members == nullptr) return in.wrong_type(*pinned, "security.pinned", "an object");
      for (const auto& [name, value] : *members) {
        const auto key = fmt::format("security.pinned.{}", name);
        if (auto text = in.text(value, key)) to_.pinned.push_back({name, fingerprint(value, key, *text)});
      }
    }
    in.each("denied", [&](const config_value& value, const std::string& key) {
      if (auto text = in.text(value, key)) to_.denied.push_back(fingerprint(value, key, *text));
    });
  }

  void read_rules(config_reader& in) {
    if (in.has("write")) to_.rules.write.emplace();
    in.each("write", [this](const config_value& value, const std::string& key) {
      config_reader rule(value, key, complaint_);
      access_rules::write_rule out;
      rule.require("peer");
      rule.read("peer", out.peer);
      rule.require("agents");
      rule.read("agents", out.agents);
      rule.finish();
      to_.rules.write->push_back(std::move(out));
    });
    if (in.has("read")) to_.rules.read.emplace();
    in.each("read", [this](const config_value& value, const std::string& key) {
      config_reader rule(value, key, complaint_);
      access_rules::read_rule out;
      rule.require("peer");
      rule.read("peer", out.peer);
      filter_text(rule, "filter", out.filter);
      rule.finish();
      to_.rules.read->push_back(std::move(out));
    });
    in.read_optional("relay", to_.rules.relay);
  }

  void both_limits(config_reader& in, peer_limits& to) {
    auto one = [](flow_limit& limit) {
      return [&limit](config_reader& way) {
        way.read("patternsPerSecond", limit.patterns_per_second, 1, count_max);
        way.read("bytesPerSecond", limit.bytes_per_second, 1, count_max);
      };
    };
    in.section("in", one(to.in));
    in.section("out", one(to.out));
  }

  void monitoring(config_reader& in) {
    in.read("enableMetrics", to_.enable_metrics);
    in.read("metricsInterval", to_.metrics_interval, 10, day_ms);
    in.read("healthCheckInterval", to_.health_check_interval, 10, day_ms);
  }

  // -- kinds of values ----------------------------------------------------------------------------------------------

  void file_name(config_reader& in, const std::string& name, std::filesystem::path& to) {
    std::string text;
    in.read(name, text);
    if (!text.empty()) to = folder_ / text;
  }

  /// True where the member is there.
  bool filter_text(config_reader& in, const std::string& name, std::string& to) {
    const auto* member = in.find(name);
    if (member == nullptr) return false;
    const auto* text = std::get_if<std::string>(&member->is);
    if (text == nullptr) {
      in.wrong_type(*member, in.full(name), "a string");
      return false;
    }
    auto wanted = filter::parse(*text);
    if (!wanted) {
      complaint_.add(member->line, in.full(name), to_string(wanted.error()));
      return false;
    }
    to = wanted->to_string();
    return true;
  }

  std::string fingerprint(const config_value& value, const std::string& key, std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    if (!is_fingerprint(text))
      complaint_.add(
          value.line, key,
          fmt::format("'{}' is no fingerprint: 64 hexadecimal digits, as `quicsync cert show` prints them", text));
    return text;
  }

  node_config& to_;
  const std::filesystem::path& folder_;
  config_complaint& complaint_;
};

}  // namespace

result<node_config> parse_config(std::string_view text, const std::filesystem::path& file) {
  auto whole = parse_config_value(text, file.string());
  if (!whole) return fail(std::move(whole.error()));
  config_complaint complaint{file.string(), {}};
  const auto folder = file.parent_path();
  node_config config;
  file_reader(config, folder, complaint).read(*whole);
  if (complaint.any()) return fail(std::move(complaint.first));
  return config;
}

result<node_config> read_config_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || std::filesystem::is_directory(file))
    return fail(errc::no_file, fmt::format("{}: cannot be read", file.string()));
  return parse_config(text.str(), file);
}

}  // namespace quicsync
