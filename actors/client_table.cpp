#include "actors/client_table.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace troupe::actors {

void client_table::add(std::unique_ptr<client_socket> client) {
  const auto id = client->client().identity().id;
  clients_.emplace(id, std::move(client));
}

client_socket* client_table::find(std::uint64_t id) {
  const auto place = clients_.find(id);
  return place == clients_.end() ? nullptr : place->second.get();
}

void client_table::clear() {
  clients_.clear();
  deadlines_.clear();
  memory_bytes_ = 0;
}

void client_table::account(client_socket& client, std::size_t bytes) {
  memory_bytes_ += bytes;
  memory_bytes_ -= std::exchange(client.accounted_bytes, bytes);
}

std::size_t client_table::evict(std::uint64_t bound) {
  std::vector<client_socket*> largest;
  for (auto& [id, client] : clients_) {
    if (client->accounted_bytes > 0 && client->client().evictable()) {
      largest.push_back(client.get());
    }
  }
  std::ranges::sort(largest, std::ranges::greater{}, &client_socket::accounted_bytes);
  std::size_t evicted = 0;
  for (auto* client : largest) {
    if (memory_bytes_ <= bound) break;
    const auto& who = client->client().identity();
    spdlog::warn(
        "client {} at {} closed: it holds {} bytes, and all clients of its gateway together hold {}"
        " of the {} they may (client-memory)",
        who.id, who.address, client->accounted_bytes, memory_bytes_, bound);
    client->client().close(session::close_when::now);
    account(*client, 0);
    on_active(*client);
    ++evicted;
  }
  return evicted;
}

void client_table::on_active(client_socket& client) {
  if (std::exchange(client.active, true)) return;
  active_.push_back(client.client().identity().id);
}

void client_table::note_deadline(client_socket& client, std::optional<std::uint64_t> deadline_us) {
  if (client.noted_deadline_us == deadline_us) return;
  const auto id = client.client().identity().id;
  if (client.noted_deadline_us) deadlines_.erase({*client.noted_deadline_us, id});
  if (deadline_us) deadlines_.emplace(*deadline_us, id);
  client.noted_deadline_us = deadline_us;
}

void client_table::end_waits(std::uint64_t now_us) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_us) {
    auto& client = *find(deadlines_.begin()->second);
    note_deadline(client, std::nullopt);
    client.client().on_deadline(now_us);
    on_active(client);
  }
}

std::optional<std::uint64_t> client_table::next_deadline_us() const {
  if (!active_.empty()) return 0;
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

void client_table::settle(std::uint64_t now_us) {
  end_waits(now_us);
  for (auto left = std::min(active_.size(), settled_per_round); left > 0; --left) {
    const auto place = clients_.find(active_.front());
    active_.pop_front();
    if (place == clients_.end()) continue;
    auto& client = *place->second;
    if (client.settle()) on_active(client);
    account(client, client.is_open() ? client.client().memory_bytes() : 0);
    note_deadline(client, client.is_open() ? client.client().deadline_us() : std::nullopt);
    if (!client.is_open() && !client.client().in_transaction()) clients_.erase(place);
  }
}

void client_table::for_each(const std::function<bool(session&)>& visit) {
  for (auto& [id, client] : clients_) {
    if (visit(client->client())) on_active(*client);
  }
}

std::string client_table::describe(std::span<const std::uint64_t> ids) {
  std::string lines;
  for (const auto id : ids) {
    if (auto* client = find(id)) lines += client->client().describe() + "\n";
  }
  if (!ids.empty()) return lines;
  for (auto& [id, client] : clients_) lines += client->client().describe() + "\n";
  return lines;
}

std::uint32_t client_table::kill(const kill_filter& filter) {
  std::uint32_t killed = 0;
  for_each([&](session& client) {
    if (!matches(filter, client.identity())) return false;
    ++killed;
    client.close(session::close_when::replied);
    return true;
  });
  return killed;
}

}  // namespace troupe::actors
