#include "figures.hpp"

#include <array>
#include <cmath>
#include <ctime>

#include <fmt/format.h>

namespace quicsync::cli {

std::string short_count(double n) {
  if (n < 99999.5) return fmt::format("{:.0f}", n);
  constexpr std::array units{"k", "M", "G", "T"};
  std::size_t unit = 0;
  for (n /= 1000; n >= 999.5 && unit + 1 < units.size(); ++unit) n /= 1000;
  return fmt::format("{:.{}f}{}", n, n < 9.95 ? 1 : 0, units[unit]);
}

std::string short_rate(double n) {
  if (n <= 0) return "0";
  return n < 9.95 ? fmt::format("{:.1f}", n) : short_count(n);
}

std::string short_bytes(double n) {
  constexpr std::array units{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; n >= 999.5 && unit + 1 < units.size(); ++unit) n /= 1000;
  return fmt::format("{:.{}f} {}", n, n < 9.95 && unit > 0 ? 1 : 0, units[unit]);
}

std::string short_duration(double ms) {
  if (ms < 0.995) return fmt::format("{:.2f} ms", ms);
  if (ms < 999.5) return fmt::format("{:.{}f} ms", ms, ms < 9.95 ? 1 : 0);
  const double s = ms / 1000;
  if (s < 59.5) return fmt::format("{:.{}f} s", s, s < 9.95 ? 1 : 0);
  const auto whole = static_cast<std::uint64_t>(std::lround(s));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
  return fmt::format("{} d {} h", whole / 86400, whole % 86400 / 3600);
}

std::string short_share(double share) {
  const double percent = share * 100;
  return fmt::format("{:.{}f} %", percent, percent > 0 && percent < 9.95 ? 1 : 0);
}

std::string instant(double unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return std::string(text.data(), size);
}

}  // namespace quicsync::cli
