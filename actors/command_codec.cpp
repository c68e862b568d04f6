#include "actors/command_codec.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "actors/resp/piece_commands.hpp"
#include "schemas/envelope.hpp"

namespace troupe::actors {

namespace {

/// Largest single Data field; a power of two well below Cap'n Proto's 2^29 - 1.
constexpr std::size_t piece_bytes_max = 256 << 20;
/// Pointers, padding and fixed fields of one element.
constexpr std::size_t element_bytes = 64;
constexpr std::size_t stream_bytes = 32;

constexpr std::size_t piece_count(std::size_t bytes) {
  return std::max<std::size_t>(1, (bytes + piece_bytes_max - 1) / piece_bytes_max);
}

/// Arguments of a message whose large ones had to be put together again.
struct joined_words {
  std::shared_ptr<const void> message;
  std::vector<std::string> words;
};

}  // namespace

std::size_t message_bytes(std::span<const std::string_view> words) noexcept {
  auto bytes = element_bytes;
  for (const auto word : words) bytes += word.size() + 24 * piece_count(word.size());
  return bytes;
}

void encode(const resp::command_spec& spec, std::span<const std::string_view> words,
            const client_settings& client, schemas::Command::Builder to) {
  to.setProtocol(static_cast<std::uint8_t>(client.protocol));
  to.setLevel(static_cast<std::uint8_t>(client.level));
  to.setLeavesNoMark(client.reads == kv::reading::leaves_no_mark);
  const auto internal = resp::find_piece(spec.name) == &spec;
  to.setInternal(internal);
  auto count = std::size_t{0};
  std::vector<std::uint32_t> continued;
  for (const auto word : words) {
    for (auto i = piece_count(word.size()); i > 1; --i) {
      continued.push_back(static_cast<std::uint32_t>(count + i - 1));
    }
    count += piece_count(word.size());
  }
  auto list = to.initArguments(static_cast<unsigned>(count));
  auto at = 0u;
  for (auto word : words) {
    for (auto left = piece_count(word.size()); left > 0; --left) {
      const auto piece = word.substr(0, piece_bytes_max);
      list.set(at++, schemas::data(piece));
      word.remove_prefix(piece.size());
    }
  }
  // A plan may call its pieces what it likes; the other side finds them by their own name.
  if (internal) list.set(0, schemas::data(spec.name));
  if (continued.empty()) return;
  std::ranges::sort(continued);
  auto marks = to.initContinued(static_cast<unsigned>(continued.size()));
  for (auto i = 0u; i < marks.size(); ++i) marks.set(i, continued[i]);
}

queued_command decode(schemas::Command::Reader from, std::shared_ptr<const void> owner) {
  queued_command command;
  command.ticket = from.getTicket();
  command.client.protocol = static_cast<resp::protocol>(from.getProtocol());
  command.client.level = static_cast<durability>(from.getLevel());
  command.client.reads = from.getLeavesNoMark() ? kv::reading::leaves_no_mark : kv::reading::marks;
  const auto arguments = from.getArguments();
  const auto continued = from.getContinued();
  if (continued.size() == 0) {
    command.words.reserve(arguments.size());
    for (const auto word : arguments) command.words.push_back(schemas::view(word));
    command.owner = std::move(owner);
  } else {
    auto joined = std::make_shared<joined_words>(joined_words{std::move(owner), {}});
    auto next_mark = 0u;
    for (auto i = 0u; i < arguments.size(); ++i) {
      if (next_mark < continued.size() && continued[next_mark] == i) {
        joined->words.back() += schemas::view(arguments[i]);
        ++next_mark;
      } else {
        joined->words.emplace_back(schemas::view(arguments[i]));
      }
    }
    command.words.assign(joined->words.begin(), joined->words.end());
    command.owner = std::move(joined);
  }
  command.spec = from.getInternal() ? resp::find_piece(command.words.front())
                                    : resp::check_command(command.words).spec;
  ENSURE(command.spec != nullptr && command.spec->handler != nullptr);
  return command;
}

std::size_t message_bytes(const shard_reply& reply) noexcept {
  return reply.bytes.size() + element_bytes + 24 * piece_count(reply.bytes.size()) +
         stream_bytes * reply.streams.size();
}

void encode(const shard_reply& from, schemas::Reply::Builder to) {
  to.setConnection(from.lane.connection);
  to.setTicket(from.ticket);
  std::string_view bytes = from.bytes;
  auto list = to.initBytes(static_cast<unsigned>(piece_count(bytes.size())));
  for (auto i = 0u; i < list.size(); ++i) {
    const auto piece = bytes.substr(0, piece_bytes_max);
    list.set(i, schemas::data(piece));
    bytes.remove_prefix(piece.size());
  }
  to.setHold(from.outcome.hold.value);
  to.setWrote(from.outcome.kind == resp::hold_kind::write);
  to.setLastWrite(from.outcome.last_write.value);
  if (from.streams.empty()) return;
  auto streams = to.initStreams(static_cast<unsigned>(from.streams.size()));
  for (auto i = 0u; i < streams.size(); ++i) {
    streams[i].setAt(from.streams[i].at);
    streams[i].setStream(from.streams[i].number);
    streams[i].setSize(from.streams[i].size);
    streams[i].setParts(from.streams[i].parts);
  }
}

shard_reply decode(schemas::Reply::Reader from) {
  shard_reply reply;
  reply.lane.connection = from.getConnection();
  reply.ticket = from.getTicket();
  for (const auto piece : from.getBytes()) reply.bytes += schemas::view(piece);
  reply.outcome.hold = {from.getHold()};
  reply.outcome.last_write = {from.getLastWrite()};
  for (const auto each : from.getStreams()) {
    reply.streams.push_back({each.getAt(), each.getStream(), each.getSize(), each.getParts()});
  }
  reply.outcome.kind = from.getWrote() ? resp::hold_kind::write : resp::hold_kind::read;
  return reply;
}

}  // namespace troupe::actors
