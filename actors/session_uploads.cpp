// The part of session that stores the value of a large SET part by part while it arrives.
//
//   none --large SET begins--> uploading --its end--> none    (the head makes the value visible)
//                                | a part is refused: the rest is dropped, then that is the reply
//                                | the client leaves: the shard drops the parts
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "actors/resp/string_commands.hpp"
#include "actors/resp/upload_commands.hpp"
#include "actors/session.hpp"
#include "storage/base/hash_slot.hpp"

namespace troupe::actors {

void session::run_step(const parsed_command& command) {
  const resp::arguments words(words_.data() + command.first_word,
                              words_.size() - command.first_word);
  switch (std::exchange(step_, step::none)) {
    case step::none: return;
    case step::begin_upload: begin_upload(words); return;
    case step::upload_part: upload_part(words.front()); return;
    case step::end_upload: end_upload(words); return;
    case step::fail: break;
  }
  abandon_upload();
  if (!command.error->empty()) {
    environment_.commands.error(*command.error);
    reply_error(*command.error);
  }
  close(close_when::replied);
}

void session::begin_upload(resp::arguments words) {
  const auto* spec = resp::find(words.front());
  const auto is_set = spec != nullptr && spec->handler == resp::handle_set && words.size() == 2 &&
                      words[1].size() <= limits::key_bytes_max;
  if (!is_set || in_multi() || !authenticated_) {
    parser_.collect_argument();
    return;
  }
  const auto key = words[1];
  upload_.emplace(upload_state{std::string(key), shard_of(key, environment_.shard_count),
                               first_part_place + ++uploads_, 0, std::nullopt});
  parsed_bytes_ += parser_.stream_argument();
}

void session::upload_part(std::string_view bytes) {
  if (upload_->refusal) return;
  const auto shard = upload_->shard;
  const auto id = fmt::format("{}", identity_.id);
  const std::string_view words[] = {resp::store_part.name, id, upload_->key, bytes};
  const shard_call call{&resp::store_part, words, {}, here()};
  upload_->bytes += bytes.size();
  auto* core = services_.local_shard(shard);
  if (core != nullptr && outstanding_[shard.value] == 0 && core->accepts_inline(lane())) {
    std::string reply;
    command_outcome outcome;
    if (core->run_inline(call, reply, outcome)) {
      note_write(shard, outcome.last_write);
      on_part_stored(upload_->place, std::move(reply));
      return;
    }
  }
  ++outstanding_[shard.value];
  ++in_flight_;
  in_flight_bytes_ += bytes.size();
  services_.send_command(shard, identity_.id, tag_of(resp::unnumbered, upload_->place), call);
}

void session::on_part_stored(std::uint64_t place, std::string reply) {
  if (!upload_ || upload_->place != place || upload_->refusal || !is_error(reply)) return;
  // The rest of the value is read and dropped, so that the connection stays usable.
  abandon_upload();
  upload_->refusal = std::move(reply);
}

void session::end_upload(resp::arguments options) {
  const auto done = std::move(*upload_);
  upload_.reset();
  const auto* spec = resp::find("set");
  last_command_ = spec->name;
  if (environment_.commands.called(*spec)) {
    if (done.refusal || drops_replies()) {
      environment_.commands.postpone_timing(*spec);
    } else {
      timing_ = environment_.commands.begin_timing(*spec);
    }
  }
  if (done.refusal) {
    environment_.commands.failed(spec->number, *done.refusal);
    if (!drops_replies()) replies_.output() += *done.refusal;
    advance_reply_mode();
    return;
  }
  const auto id = fmt::format("{}", identity_.id);
  const auto bytes = fmt::format("{}", done.bytes);
  std::vector<std::string_view> words{resp::set_uploaded.name, id, bytes, "set", done.key, ""};
  words.insert(words.end(), options.begin(), options.end());
  const shard_call call{&resp::set_uploaded, words, environment_.hash(done.key), here()};
  const auto ticket = drops_replies() ? no_ticket : reserve_place();
  ++outstanding_[done.shard.value];
  ++in_flight_;
  services_.send_command(done.shard, identity_.id, tag_of(spec->number, ticket), call);
  // Behind it, for what a refused SET left.
  send_piece(done.shard, resp::drop_upload, {resp::drop_upload.name, id});
  advance_reply_mode();
}

void session::abandon_upload() {
  if (!upload_ || upload_->refusal) return;
  const auto id = fmt::format("{}", identity_.id);
  send_piece(upload_->shard, resp::drop_upload, {resp::drop_upload.name, id});
}

}  // namespace troupe::actors
