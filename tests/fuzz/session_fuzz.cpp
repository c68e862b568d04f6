// Fuzzes everything a client's bytes reach: a session on one real shard, with its parser, command
// table, handlers, store and transactions. The first byte chooses the level, the memory (values go
// cold) and how the rest is cut into pieces. Checked: every byte sent back belongs to a whole reply
// in RESP, no more replies leave than commands came, none waits for ever, and the cut makes
// no difference to what is answered.
#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "actors/session.hpp"
#include "storage/base/ensure.hpp"
#include "tests/actors/one_shard.hpp"
#include "tests/actors/resp/parsed_stream.hpp"
#include "tests/actors/shard_answers.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace {

using namespace troupe;

constexpr std::size_t input_bytes_max = 4096;

/// The rest of a gateway: one shard, answered at once; nobody else on the node.
class lone_services final : public actors::session_services {
 public:
  explicit lone_services(tests::one_shard& shard) : shard_(shard) {}

  actors::session* client = nullptr;

  actors::shard_core* local_shard(shard_id) override { return &*shard_.core; }
  void send_command(shard_id, std::uint64_t connection, std::uint64_t ticket,
                    const actors::shard_call& call) override {
    auto queued = tests::one_shard::command(ticket, {call.argv.begin(), call.argv.end()});
    queued.spec = call.spec;
    queued.client = call.client;
    shard_.core->enqueue({0, connection}, std::move(queued));
  }
  void demand_commit(shard_id, lsn) override { shard_.core->demand_commit(); }
  void credit_stream(shard_id, std::uint64_t stream, std::uint32_t parts) override {
    shard_.core->credit_stream(stream, parts);
  }
  void drop_stream(shard_id, std::uint64_t stream) override { shard_.core->drop_stream(stream); }
  void pause(shard_id, std::uint64_t transaction) override { shard_.core->pause({0, transaction}); }
  void run(shard_id, std::uint64_t transaction,
           const std::vector<actors::sent_piece>& pieces) override {
    std::vector<actors::queued_command> queued;
    for (const auto& piece : pieces) {
      queued.push_back(
          tests::one_shard::command(queued.size() + 1, {piece.words.begin(), piece.words.end()}));
      queued.back().spec = piece.spec;
      queued.back().client = {piece.protocol, piece.level, piece.reads};
    }
    shard_.core->run_pieces({0, transaction}, std::move(queued));
  }
  void release(shard_id, std::uint64_t transaction) override {
    shard_.core->release({0, transaction});
  }

  void answer_info(actors::session&, std::uint64_t ticket, std::vector<std::string>) override {
    answers_.push_back(ticket);
  }
  void answer_role(actors::session&, std::uint64_t ticket) override { answers_.push_back(ticket); }
  void answer_client_list(actors::session&, std::uint64_t ticket,
                          std::vector<std::uint64_t>) override {
    answers_.push_back(ticket);
  }
  void answer_client_kill(actors::session&, std::uint64_t ticket,
                          const actors::kill_filter&) override {
    answers_.push_back(ticket);
  }
  void answer_configure(actors::session&, std::uint64_t ticket, const std::string&,
                        const std::string&) override {
    answers_.push_back(ticket);
  }
  void answer_reset_statistics(actors::session&, std::uint64_t ticket) override {
    answers_.push_back(ticket);
  }
  void stop_node() override { client->close(actors::session::close_when::replied); }

  /// Brings everything that is under way to its end.
  bool deliver() {
    auto moved = !answers_.empty();
    for (const auto ticket : std::exchange(answers_, {})) client->on_answer(ticket, "+OK\r\n");
    while (!shard_.reads.empty()) shard_.answer_read();
    shard_.core->tick();
    shard_.commit();
    moved = tests::pass_answers(shard_, *client) || moved;
    for (auto& replies : std::exchange(shard_.transaction_replies, {})) {
      std::vector<actors::transaction_answer> answers;
      for (auto& reply : replies) {
        answers.push_back({reply.bytes, reply.outcome.hold, reply.outcome.last_write});
      }
      client->on_transaction_answer({0}, std::move(answers));
      moved = true;
    }
    return moved;
  }

 private:
  tests::one_shard& shard_;
  std::vector<std::uint64_t> answers_;
};

/// Takes one reply off the front; false if it is not whole.
bool take_reply(std::string_view& rest) {
  const auto end = rest.find("\r\n");
  if (end == std::string_view::npos || end == 0) return false;
  const auto line = rest.substr(1, end - 1);
  const auto kind = rest.front();
  rest.remove_prefix(end + 2);
  std::int64_t count = 0;
  const auto counted = [&] {
    const auto [at, code] = std::from_chars(line.data(), line.data() + line.size(), count);
    return code == std::errc{} && at == line.data() + line.size() && count >= -1;
  };
  switch (kind) {
    case '+':
    case '-':
    case '_':
    case '#':
    case ',':
    case '(': return line.find('\r') == std::string_view::npos;
    case ':': {
      const auto [at, code] = std::from_chars(line.data(), line.data() + line.size(), count);
      return code == std::errc{} && at == line.data() + line.size();
    }
    case '$':
    case '=': {
      if (!counted()) return false;
      if (count < 0) return true;
      const auto size = static_cast<std::size_t>(count);
      if (rest.size() < size + 2 || rest.substr(size, 2) != "\r\n") return false;
      rest.remove_prefix(size + 2);
      return true;
    }
    case '*':
    case '~':
    case '>':
    case '%': {
      if (!counted()) return false;
      for (auto left = kind == '%' ? 2 * count : count; left > 0; --left) {
        if (!take_reply(rest)) return false;
      }
      return true;
    }
    default: return false;
  }
}

/// Some replies tell the moment: the memory in use, what is durable by now, or, where entries of
/// deleted keys wait for that, what a walk of the index meets.
bool tells_the_moment(std::string_view bytes) {
  std::string lower(bytes);
  std::ranges::transform(lower, lower.begin(), [](char each) {
    return each >= 'A' && each <= 'Z' ? static_cast<char>(each + 'a' - 'A') : each;
  });
  return std::ranges::any_of(
      std::array{"usage", "info", "waitaof", "randomkey", "scan"},
      [&](const char* word) { return lower.find(word) != std::string::npos; });
}

class player {
 public:
  player(durability level, std::uint64_t memory_bytes) : shard_(memory_bytes), services_(shard_) {
    settings_.level = level;
    services_.client = &session_;
  }

  /// Everything that is sent back.
  std::string play(std::string_view bytes, std::size_t piece) {
    while (!bytes.empty() && !session_.finished()) {
      settle();
      if (!session_.wants_input()) break;  // it closes, or waits (WAIT)
      const auto room = session_.room();
      const auto size = std::min({room.size(), bytes.size(), piece});
      std::copy_n(bytes.begin(), size, room.begin());
      session_.received(size);
      bytes.remove_prefix(size);
    }
    settle();
    return std::move(replies_);
  }

 private:
  void settle() {
    // Each turn ends a command or a step of one; an input holds few.
    constexpr std::size_t turns_max = 16 * input_bytes_max;
    for (std::size_t turn = 0;; ++turn) {
      ENSURE(turn < turns_max);
      const auto more = session_.process();
      auto moved = services_.deliver();
      if (durable_[0] != shard_.announced) {
        durable_[0] = shard_.announced;
        session_.on_watermark({0}, durable_[0]);
        moved = true;
      }
      for (auto ready = session_.sendable(); !ready.empty(); ready = session_.sendable()) {
        replies_ += ready;
        session_.sent(ready.size());
      }
      if (!more && !moved) break;
    }
    ENSURE(session_.held_count() == 0);
  }

  tests::one_shard shard_;
  actors::node_config config_;
  actors::live_settings settings_;
  actors::client_statistics counted_;
  actors::command_statistics commands_;
  prng random_{1};
  std::vector<lsn> durable_ = {{}};
  std::vector<std::string> log_failures_ = {{}};
  actors::session_environment environment_{config_,
                                           settings_,
                                           counted_,
                                           commands_,
                                           shard_.time,
                                           shard_.time,
                                           random_,
                                           1,
                                           index::key_hasher{1},
                                           durable_,
                                           log_failures_};
  lone_services services_;
  actors::session session_{{7, 0, 9, "127.0.0.1:50000", "127.0.0.1:7379"}, environment_, services_};
  std::string replies_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > input_bytes_max) return 0;
  const auto options = static_cast<std::size_t>(data[0]);
  const auto bytes = tests::fuzz_bytes(data, size).substr(1);
  const auto level = options % 2 == 0 ? durability::durable : durability::memory;
  const std::uint64_t memory_bytes = options / 2 % 2 == 0 ? 1 << 20 : 0;
  const auto whole = player(level, memory_bytes).play(bytes, input_bytes_max);
  std::string_view rest = whole;
  std::uint64_t replies = 0;
  while (!rest.empty()) {
    ENSURE(take_reply(rest));
    ++replies;
  }
  // A protocol error is a reply, too.
  const auto commands = tests::parse_stream(bytes, resp::parse_limits::authenticated()).commands;
  ENSURE(replies <= commands.size() + 1);
  const auto cut = player(level, memory_bytes).play(bytes, 1 + options / 4);
  if (!tells_the_moment(bytes)) ENSURE(cut == whole);
  return 0;
}
