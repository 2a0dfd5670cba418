// What `quicsync top` shows and how keys change it. Plain: answers and keys go in, lines of text and questions come
// out; no terminal, no clock.
#pragma once
#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <quicsync/actors/inspect/admin_view.hpp>

#include "output.hpp"

namespace quicsync::cli {

/// What a node has answered in one round.
struct top_answers {
  node_view node;
  actors_view actors;    ///< the part of the list that was asked for
  actors_view troubled;  ///< those that are stuck or have failed, whatever the filter
  std::vector<stream_view> streams;
};

class top_view {
 public:
  enum class page : std::uint8_t { actors, peers, streams };
  /// What to ask the node for.
  struct question {
    page of = page::actors;
    std::string sort, filter;  ///< of actors: the endpoint sorts and filters
    std::size_t offset = 0;    ///< of actors: the first one to show
    bool operator==(const question&) const = default;
  };

  void take(top_answers answers);
  /// The node does not answer; what was known stays to be seen.
  void lost(std::string why) { lost_ = std::move(why); }

  /// False: that was the key to end.
  bool press(std::string_view key);

  bool paused() const { return paused_; }
  question asks() const;
  /// As many lines as there are, none wider than the columns. `lines` at least 8, `columns` at least 40.
  std::vector<std::string> picture(std::size_t columns, std::size_t lines, const palette& colours);

 private:
  struct rates {
    double in = 0, out = 0;
  };
  void turn_to(page next);
  void scroll(std::ptrdiff_t rows);
  void edit_filter(std::string_view key);
  std::vector<std::string> head(std::size_t columns, const palette& colours) const;
  std::string foot(std::size_t columns, const palette& colours) const;
  void append_actors(std::vector<std::string>& to, std::size_t columns, std::size_t rows, const palette& colours);
  void append_peers(std::vector<std::string>& to, std::size_t columns, std::size_t rows, const palette& colours);
  void append_streams(std::vector<std::string>& to, std::size_t columns, std::size_t rows, const palette& colours);
  std::size_t begin_of(std::size_t count, std::size_t rows);

  top_answers now_;
  bool known_ = false;
  std::map<std::string, rates> rates_;  ///< of peers, by connection
  std::string lost_;
  page page_ = page::actors;
  std::array<std::size_t, 3> sort_{};  ///< of each page, a place in its orders
  std::string filter_;
  std::optional<std::string> typed_;  ///< a filter that is being typed
  bool paused_ = false, help_ = false;
  std::size_t offset_ = 0, page_rows_ = 1, all_rows_ = 0;
};

}  // namespace quicsync::cli
