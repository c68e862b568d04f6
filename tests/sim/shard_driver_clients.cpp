// The connections of a simulated shard: what they send, and when replies reach them.
#include <algorithm>
#include <iterator>
#include <utility>

#include "actors/resp/piece_commands.hpp"
#include "actors/resp/upload_commands.hpp"
#include "tests/sim/shard_driver.hpp"

namespace troupe::sim {
namespace {

constexpr std::size_t pipelined_max = 8;

struct kept_words {
  std::vector<std::string> words;
};

actors::queued_command command_of(std::uint64_t ticket, const std::vector<std::string>& words,
                                  durability level) {
  const auto kept = std::make_shared<const kept_words>(kept_words{words});
  actors::queued_command command;
  command.ticket = ticket;
  command.words = {kept->words.begin(), kept->words.end()};
  command.spec = resp::find_piece(words.front());
  if (command.spec == nullptr) command.spec = resp::check_command(command.words).spec;
  command.client.level = level;
  command.owner = kept;
  return command;
}

}  // namespace

void shard_driver::client_step(sim_client& client) {
  if (client.upload) {
    upload_step(client);
  } else if (client.state != sim_client::transaction::none) {
    transaction_step(client);
  } else if (client.queue.empty() && random_.one_in(8)) {
    client.state = sim_client::transaction::asked;
    client.exec = {};
    core_->pause(client.transaction_lane);
  } else if (client.queue.size() < pipelined_max) {
    auto words = random_command(random_, options_.sizes);
    const bool is_large = words[0] == "SET" && words[2].size() > limits::part_bytes_max;
    if (is_large && !random_.one_in(3)) {
      client.upload = sim_upload{++uploads_, std::move(words)};
    } else {
      send_command(client, std::move(words));
    }
  }
}

// One more part, or the end of it: the command, or a client that has left.
void shard_driver::upload_step(sim_client& client) {
  auto& upload = *client.upload;
  const auto number = std::to_string(upload.number);
  const auto& value = upload.words[2];
  const bool leaves = random_.one_in(12);
  if (!leaves && upload.sent < value.size()) {
    const auto part = value.substr(upload.sent, limits::part_bytes_max);
    upload.sent += part.size();
    core_->enqueue(
        client.lane,
        command_of(0, {std::string(resp::store_part.name), number, upload.words[1], part},
                   client.level));
    return;
  }
  if (!leaves) {
    std::vector<std::string> words{std::string(resp::set_uploaded.name), number,
                                   std::to_string(value.size())};
    words.insert(words.end(), upload.words.begin(), upload.words.end());
    words[5].clear();
    auto& sent = client.queue.emplace_back();
    sent.ticket = next_ticket_++;
    sent.words = upload.words;
    ++values_uploaded_;
    core_->enqueue(client.lane, command_of(sent.ticket, words, client.level));
  }
  core_->enqueue(client.lane,
                 command_of(0, {std::string(resp::drop_upload.name), number}, client.level));
  client.upload.reset();
}

void shard_driver::send_command(sim_client& client, std::vector<std::string> words) {
  auto& sent = client.queue.emplace_back();
  sent.ticket = next_ticket_++;
  sent.words = std::move(words);
  auto command = command_of(sent.ticket, sent.words, client.level);
  if (core_->accepts_inline(client.lane) && !random_.one_in(4)) {
    const auto keys = resp::keys_of(*command.spec, command.words.size());
    const auto hash = keys.empty() ? key_hash{} : store_->hash(command.words[keys.first]);
    std::string reply;
    actors::command_outcome outcome;
    if (core_->run_inline({command.spec, command.words, hash, command.client}, reply, outcome)) {
      take_answer(client, sent, reply, outcome, {});
      return;
    }
    if (!reply.empty()) model_.complain("a cold command has replied");
  }
  core_->enqueue(client.lane, std::move(command));
}

void shard_driver::take_answer(sim_client& client, sent_command& answered, const std::string& reply,
                               const actors::command_outcome& outcome,
                               const std::vector<actors::opened_stream>& streams) {
  for (const auto& earlier : client.queue) {
    if (earlier.ticket < answered.ticket && !earlier.answered) {
      model_.complain("a reply overtook an earlier one of its connection");
    }
  }
  answered.answered = true;
  answered.hold = outcome.hold;
  if (options_.bug == shard_canary::forget_read_hold && outcome.last_write.value == 0) {
    answered.hold = {};
  }
  answered.required = model_.observe({answered.words, client.level, store_->now_ms(), reply,
                                      outcome.last_write, expect(answered, streams)});
  last_reply_ = reply;
}

// What sessions do for streams: their clients read now and then, or leave.
void shard_driver::feed_streams() {
  for (auto& client : clients_) {
    for (auto& sent : client.queue) {
      for (auto& stream : sent.streams) {
        if (stream.number == 0) continue;
        if (random_.one_in(3)) {
          core_->credit_stream(stream.number, static_cast<std::uint32_t>(1 + random_.below(3)));
        } else if (random_.one_in(100)) {
          core_->drop_stream(std::exchange(stream.number, 0));
        }
      }
    }
  }
}

std::vector<reply_gap> shard_driver::expect(sent_command& sent,
                                            const std::vector<actors::opened_stream>& streams) {
  const auto before = sent.streams.size();
  for (const auto& each : streams) sent.streams.push_back({each.number, {}, {}});
  std::vector<reply_gap> gaps;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    gaps.push_back({streams[i].at, streams[i].size, &sent.streams[before + i].expected});
  }
  return gaps;
}

void shard_driver::send_part(const actors::streamed_part& part) {
  const auto client = std::ranges::find_if(clients_, [&](const sim_client& each) {
    return each.lane == part.to || each.transaction_lane == part.to;
  });
  if (client == clients_.end()) return model_.complain("a part for nobody");
  sim_stream* stream = nullptr;
  const auto look_in = [&](sent_command& sent) {
    const auto at = std::ranges::find(sent.streams, part.stream, &sim_stream::number);
    if (at != sent.streams.end()) stream = &*at;
  };
  for (auto& sent : client->queue) look_in(sent);
  look_in(client->exec);
  if (!part.bytes) {
    if (!failed_) model_.complain("a part cannot be read: " + part.bytes.error().message);
    if (stream != nullptr) stream->number = 0;
    return;
  }
  if (stream == nullptr) return model_.complain("a part of no stream");
  stream->parts.emplace(part.index, *part.bytes);
  std::string all;
  for (const auto& [index, bytes] : stream->parts) all += bytes;
  if (all.size() < stream->expected.size()) return;
  if (all != stream->expected) model_.complain("a streamed value is not what the key had");
  stream->number = 0;
  ++values_streamed_;
}

void shard_driver::send_reply(actors::shard_reply&& answer) {
  const auto client = std::ranges::find(clients_, answer.lane, &sim_client::lane);
  if (client == clients_.end()) return model_.complain("a reply to nobody");
  if (answer.ticket == 0) return;  // of an upload: only its end counts
  const auto sent = std::ranges::find(client->queue, answer.ticket, &sent_command::ticket);
  if (sent == client->queue.end() || sent->answered) {
    return model_.complain("a reply to no command");
  }
  take_answer(*client, *sent, answer.bytes, answer.outcome, answer.streams);
}

void shard_driver::transaction_step(sim_client& client) {
  using enum sim_client::transaction;
  if (client.state == asked && random_.one_in(40)) {
    client.state = none;  // the connection is gone before its turn came
    core_->release(client.transaction_lane);
    return;
  }
  if (client.state != granted) return;
  if (random_.one_in(3)) {
    client.state = releasing;
    core_->release(client.transaction_lane);
    return;
  }
  client.state = running;
  client.pieces.clear();
  std::vector<actors::queued_command> pieces;
  for (std::uint64_t i = 1 + random_.below(4); i > 0; --i) {
    client.pieces.push_back(random_command(random_, options_.sizes));
    pieces.push_back(command_of(i, client.pieces.back(), client.level));
  }
  core_->run_pieces(client.transaction_lane, std::move(pieces));
}

bool shard_driver::runs_pieces() const {
  return std::ranges::any_of(clients_, [](const auto& client) {
    return client.state == sim_client::transaction::running;
  });
}

void shard_driver::send_transaction_reply(actors::lane_key transaction,
                                          std::vector<actors::shard_reply>&& answers) {
  using enum sim_client::transaction;
  const auto place = std::ranges::find(clients_, transaction, &sim_client::transaction_lane);
  if (place == clients_.end()) return model_.complain("a reply to no transaction");
  if (place->state == asked && answers.empty()) {
    place->state = granted;
    model_.begin_transaction();
  } else if (place->state == running && !answers.empty() &&
             place->gathered.size() + answers.size() <= place->pieces.size()) {
    // Large replies come in several parts.
    std::ranges::move(answers, std::back_inserter(place->gathered));
    if (place->gathered.size() < place->pieces.size()) return;
    on_pieces(*place, std::exchange(place->gathered, {}));
  } else if (place->state == releasing && answers.size() == 1) {
    on_released(*place, answers.front());
  } else {
    model_.complain("a transaction got an answer it did not ask for");
  }
}

void shard_driver::on_pieces(sim_client& client, std::vector<actors::shard_reply>&& answers) {
  client.state = sim_client::transaction::granted;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto& [lane, ticket, bytes, outcome, streams] = answers[i];
    if (ticket != answers.size() - i) model_.complain("pieces were answered out of order");
    const auto required = model_.observe({client.pieces[i], client.level, store_->now_ms(), bytes,
                                          outcome.last_write, expect(client.exec, streams)});
    client.exec.hold = std::max(client.exec.hold, outcome.hold);
    client.exec.required = std::max(client.exec.required, required);
  }
}

void shard_driver::on_released(sim_client& client, const actors::shard_reply& answer) {
  client.state = sim_client::transaction::none;
  auto done = std::move(client.exec);
  const auto required = model_.end_transaction(answer.outcome.last_write, client.level);
  done.words = {"EXEC"};
  done.answered = true;
  done.hold = std::max(done.hold, answer.outcome.hold);
  done.required = std::max(done.required, required);
  client.queue.push_back(std::move(done));
}

// What a gateway does after each message: sends what the watermark covers, in order.
void shard_driver::release_replies() {
  for (auto& client : clients_) {
    while (!client.queue.empty() && client.queue.front().answered) {
      const auto& front = client.queue.front();
      const auto is_over = [](const sim_stream& stream) { return stream.number == 0; };
      if (!std::ranges::all_of(front.streams, is_over)) break;
      const bool covered = front.hold <= announced_ || options_.bug == shard_canary::release_early;
      if (!covered && !failed_) break;
      // After a failure what is not covered is answered with an error, which promises nothing.
      if (covered) model_.on_released(front.required, front.words.front());
      client.queue.pop_front();
    }
  }
}

}  // namespace troupe::sim
