#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <quicsync/actors/store/store_seal.hpp>
#include <quicsync/codec/stored_block.hpp>
#include <quicsync/codec/varint.hpp>
#include <quicsync/transport/file_descriptor.hpp>

namespace quicsync::detail {
namespace {

constexpr std::string_view wrap_label = "quicsync store data key", seal_label = "quicsync store seal";
constexpr std::size_t counter_bytes = 8;
constexpr std::size_t derived_keys_kept = 64;

using nonce = std::array<std::uint8_t, crypto::aead_key::nonce_bytes>;

nonce nonce_of(bytes_view counter) {
  nonce n{};
  std::copy(counter.begin(), counter.end(), n.begin());
  return n;
}

}  // namespace

result<store_key> store_key::read(const std::string& path) {
  const file_descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat about = {};
  if (file.get() < 0 || ::fstat(file.get(), &about) != 0)
    return fail(errc::store_key, fmt::format("store key: cannot read {}: {}", path, std::strerror(errno)));
  if (!S_ISREG(about.st_mode) || about.st_size != static_cast<off_t>(size()))
    return fail(errc::store_key, fmt::format("store key: {} must be a file of {} bytes", path, size()));
  if ((about.st_mode & 077) != 0) {
    return fail(errc::store_key,
                fmt::format("store key: others may read {} (mode {:04o}): chmod 600 it", path, about.st_mode & 07777));
  }
  store_key key;
  if (::read(file.get(), key.data(), size()) != static_cast<ssize_t>(size()))
    return fail(errc::store_key, fmt::format("store key: cannot read {}", path));
  return key;
}

void store_seal::begin(random_source random) {
  random_ = std::move(random);
  random_(salt_.data(), salt_.size());
}

store_seal store_seal::make(random_source random) {
  store_seal made;
  made.begin(std::move(random));
  made.random_(made.data_key_.emplace().data(), store_key::size());
  return made;
}

store_seal store_seal::with_same_key() const {
  store_seal made;
  if (!sealed()) return made;
  made.begin(random_);
  made.data_key_ = data_key_;
  return made;
}

byte_buffer store_seal::wrap(const store_key& key) const {
  byte_buffer out(crypto::aead_key::nonce_bytes);
  random_(out.data(), out.size());
  const byte_buffer n = out;
  crypto::aead_key(key.view()).seal(out, n, as_bytes(wrap_label), data_key_->view());
  return out;
}

result<store_seal> store_seal::unwrap(bytes_view wrapped, const store_key& key, random_source random) {
  constexpr auto nonce_bytes = crypto::aead_key::nonce_bytes;
  if (wrapped.size() < nonce_bytes) return fail(errc::store_corrupt, "store: its wrapped key ends early");
  auto text =
      crypto::aead_key(key.view()).open(wrapped.first(nonce_bytes), as_bytes(wrap_label), wrapped.subspan(nonce_bytes));
  if (!text || text->size() != store_key::size()) return fail(errc::store_key, "this is not the key it is sealed with");
  store_seal made;
  made.begin(std::move(random));
  std::copy(text->begin(), text->end(), made.data_key_.emplace().data());
  crypto::wipe(text->data(), text->size());
  return made;
}

const crypto::aead_key& store_seal::key_of(const salt& s) const {
  if (const auto at = keys_.find(s); at != keys_.end()) return at->second;
  if (keys_.size() >= derived_keys_kept) keys_.clear();
  byte_buffer text;
  append_bytes(text, seal_label);
  append_bytes(text, bytes_view(s));
  return keys_.emplace(s, crypto::aead_key(crypto::hmac_sha256(data_key_->view(), text))).first->second;
}

store_seal::closed store_seal::close(std::string_view label, bytes_view body) {
  byte_buffer block;
  if (sealed()) {
    byte_buffer counter;
    append_u64(counter, ++counter_);
    block.reserve(salt_bytes + counter_bytes + body.size() + crypto::aead_key::tag_bytes);
    append_bytes(block, bytes_view(salt_));
    append_bytes(block, counter);
    key_of(salt_).seal(block, nonce_of(counter), as_bytes(label), body);
  } else {
    append_varint(block, label.size());
    append_bytes(block, label);
    append_bytes(block, body);
  }
  closed made;
  append_stored_block(made.bytes, block);
  made.sum = byte_reader(made.bytes).u64();
  return made;
}

bool store_seal::is_whole(bytes_view written, std::uint64_t sum) {
  return byte_reader(written).u64() == sum && open_stored_block(written).has_value();
}

result<byte_buffer> store_seal::open(std::string_view label, bytes_view written) const {
  const auto block = open_stored_block(written);
  if (!block) return fail(errc::store_corrupt, fmt::format("store: {}: its checksum does not fit", label));
  byte_reader in(*block);
  if (!sealed()) {
    if (in.text(in.varint()) != label || !in.ok())
      return fail(errc::store_corrupt, fmt::format("store: {}: something else stands there", label));
    const auto body = in.rest();
    return byte_buffer(body.begin(), body.end());
  }
  salt s{};
  const auto salt_read = in.take(salt_bytes);
  const auto counter = in.take(counter_bytes);
  if (!in.ok()) return fail(errc::store_corrupt, fmt::format("store: {}: ends early", label));
  std::copy(salt_read.begin(), salt_read.end(), s.begin());
  auto body = key_of(s).open(nonce_of(counter), as_bytes(label), in.rest());
  if (!body) return fail(errc::store_corrupt, fmt::format("store: {}: was not sealed with this key there", label));
  return std::move(*body);
}

}  // namespace quicsync::detail
