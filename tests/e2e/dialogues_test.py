"""Whole conversations, each on a connection of its own, get from us what redis-server 7 sends, byte
for byte: the states a connection can be in (MULTI, protocol version, before AUTH), the errors that
depend on them, and what OBJECT says of values made in different ways. Texts that describe a server
(INFO, CLIENT LIST, ids) are reduced to their kind."""

import shutil
import socket
import unittest

from differential import split_quoted
from differential_test import end, start_reference
from hostile_clients_test import receive_all
from node_fixture import NodeCase, encode

LAYOUTS = [(1, 1), (4, 1), (3, 2)]

# One conversation a line, one command between bars; @ID and @ADDR are the connection's own.
DIALOGUES = """
MULTI|EXEC foo|PING|EXEC
EXEC foo|EXEC|DISCARD|DISCARD x
MULTI|SET a 1|DISCARD x|EXEC|GET a
MULTI|MULTI|SET a 1|EXEC
MULTI|MULTI x|SET a 1|EXEC
MULTI|WATCH a|SET a 1|EXEC
MULTI|WATCH|SET a 1|EXEC
MULTI|UNWATCH|SET a 1|EXEC
MULTI|UNWATCH x|SET a 1|EXEC
WATCH a|WATCH|MULTI|EXEC foo|EXEC
WATCH a|MULTI|DISCARD|SET a 5|MULTI|GET a|EXEC
MULTI|RESET|EXEC|SET a 1
MULTI|RESET x|EXEC|PING
MULTI|QUIT|PING
MULTI|QUIT x|PING
MULTI|SET a|QUIT|PING
MULTI|SHUTDOWN|SET a 1|EXEC
MULTI|SHUTDOWN FOO|EXEC
MULTI|SELECT 0|SELECT 99|SELECT x|EXEC
MULTI|SELECT|EXEC
MULTI|HELLO 3|GET nope|CONFIG GET save|EXEC|GET nope|CONFIG GET save
HELLO 3|MULTI|GET nope|HELLO 2|GET nope|MGET a nope b|CONFIG GET save|EXEC|GET nope
MULTI|HELLO|HELLO 4|HELLO x|HELLO 3 AUTH a b|HELLO 3 SETNAME "a b"|EXEC|CLIENT GETNAME
MULTI|AUTH x|AUTH a b|EXEC
MULTI|SET a 1|WAIT 0 0|SET b 1|WAIT 1 0|WAIT 5 100000|WAIT x 0|WAIT 0 -1|EXEC
MULTI|WAIT 0|EXEC
MULTI|CONFIG SET timeout 0|CONFIG SET timeout x|CONFIG SET nope 1|CONFIG RESETSTAT|EXEC
MULTI|CONFIG SET timeout 0 maxclients 10000|CONFIG SET timeout 0 maxclients|EXEC
MULTI|CONFIG SET timeout|EXEC
MULTI|CONFIG SET timeout 0 timeout 0|EXEC
MULTI|CONFIG SET timeout 7|CONFIG GET timeout|SET a 1|CONFIG SET timeout 0|CONFIG GET timeout|EXEC
MULTI|ROLE|SET a 2|ROLE|GET a|EXEC
MULTI|ROLE x|EXEC
MULTI|SET a 1|INFO|GET a|INFO x y|INFO replication|CLIENT LIST|GET a|EXEC|GET a
MULTI|CLIENT LIST ID 123456789|CLIENT LIST ID x|CLIENT LIST TYPE pubsub|CLIENT LIST FOO|EXEC
MULTI|CLIENT KILL 1.2.3.4:5|CLIENT KILL ID 123456789|CLIENT KILL FOO BAR|EXEC|PING
MULTI|CLIENT KILL|EXEC
SET a 1|CLIENT KILL ID @ID SKIPME no|PING
SET a 1|CLIENT KILL ID @ID|CLIENT KILL @ADDR|PING
MULTI|SET a 1|CLIENT KILL ID @ID SKIPME no|SET b 2|GET a|EXEC|PING
MULTI|SET a 1|CLIENT KILL ADDR @ADDR|SET b 2|EXEC|PING
MULTI|CLIENT KILL @ADDR|CLIENT LIST ID 123456789|CLIENT KILL ID @ID SKIPME no|INCR a|EXEC|PING
MULTI|MSET a 1 b 2 c 3|CLIENT KILL TYPE normal SKIPME no|MSET a 4 b 5 c 6|WAIT 0 0|EXEC|PING
MULTI|CLIENT KILL ID @ID SKIPME no|CLIENT REPLY OFF|SET a 1|EXEC|PING
MULTI|CLIENT SETNAME foo|CLIENT GETNAME|EXEC|CLIENT GETNAME
MULTI|SET a 1|NOPE|EXEC|GET a
MULTI|NOPE|DISCARD|EXEC
MULTI|DEBUG SLEEP 0|EXEC
MULTI|CLIENT NOPE|EXEC
MULTI|MSETNX p 1 q 2 r 3|MGET p q r|MSETNX r 1 s 2|EXISTS p q r s|DBSIZE|RENAME p s|MGET p s|EXEC
MULTI|SET a 1|FLUSHALL|SET b 2|KEYS *|MSET a 1 b 3 c 4|INCR c|DEL a b c|DBSIZE|EXEC
HELLO 3 AUTH|HELLO 3 AUTH a|HELLO 3 AUTH a b|HELLO 3 AUTH default b|HELLO
HELLO 3 SETNAME|HELLO 3 SETNAME ab|CLIENT GETNAME|HELLO 2 SETNAME ""|CLIENT GETNAME
HELLO 2 SETNAME "a b"|CLIENT GETNAME|HELLO 2 SETNAME a SETNAME b|CLIENT GETNAME|HELLO 3 FOO
HELLO 99999999999999999999|HELLO " 3"|HELLO -1|HELLO 1|HELLO 4|HELLO 3.0|HELLO ""
hello 3 auth default "" setname q|client getname
HELLO 3 SETNAME x FOO|CLIENT GETNAME|CONFIG GET save
HELLO 3 SETNAME a SETNAME "b c"|CLIENT GETNAME|HELLO 3 SETNAME d AUTH default|CLIENT GETNAME
HELLO 3 SETNAME y AUTH nobody x|CLIENT GETNAME|HELLO 3 AUTH default x SETNAME z FOO|CLIENT GETNAME
MULTI|HELLO 3 SETNAME y FOO|CLIENT GETNAME|EXEC|CLIENT GETNAME
AUTH|AUTH x|AUTH a b|AUTH a b c|AUTH default x
QUIT x y
RESET x|RESET
SET a 5|OBJECT REFCOUNT a|OBJECT ENCODING a|APPEND a 1|OBJECT REFCOUNT a|OBJECT ENCODING a
SET a 9999|OBJECT REFCOUNT a|INCR a|OBJECT REFCOUNT a|DECR a|OBJECT REFCOUNT a|OBJECT ENCODING a
SET a 10000|OBJECT REFCOUNT a|SET a -1|OBJECT REFCOUNT a|SET a 0|OBJECT REFCOUNT a
SET a 00|OBJECT REFCOUNT a|SET a hello|OBJECT REFCOUNT a|EXPIRE a 100|OBJECT REFCOUNT a
DEL a|APPEND a 12|OBJECT ENCODING a|OBJECT REFCOUNT a|APPEND a 3|OBJECT ENCODING a|INCR a|\
OBJECT ENCODING a|OBJECT REFCOUNT a
DEL a|APPEND a hello|OBJECT ENCODING a|APPEND a ""|OBJECT ENCODING a|GETSET a xx|OBJECT ENCODING a
DEL a|SETRANGE a 0 12|OBJECT ENCODING a|SET a 12|SETRANGE a 0 3|OBJECT ENCODING a|EXPIRE a 100|\
OBJECT ENCODING a|PERSIST a|OBJECT ENCODING a|GETEX a EX 100|OBJECT ENCODING a
SET a hello|SETRANGE a 0 ""|OBJECT ENCODING a|SETRANGE a 0 j|OBJECT ENCODING a
DEL a|INCRBYFLOAT a 5|OBJECT ENCODING a|OBJECT REFCOUNT a|INCR a|OBJECT ENCODING a
SET a 5|INCRBYFLOAT a 1.5|OBJECT ENCODING a|INCRBYFLOAT a 0.5|OBJECT ENCODING a|APPEND a 1|\
INCRBYFLOAT a 1|OBJECT ENCODING a
SET a 12345678901234567890|OBJECT ENCODING a|SET a 9223372036854775807|OBJECT ENCODING a
SET a "44 chars long string 44 chars long string 44"|OBJECT ENCODING a|APPEND a ""|OBJECT ENCODING a
SET a 1|APPEND a 2|DEL b c d|RENAME a b|OBJECT ENCODING b|COPY b c|OBJECT ENCODING c|\
COPY c d REPLACE|OBJECT ENCODING d
SET a 5|DEL b|COPY a b|OBJECT REFCOUNT a|OBJECT REFCOUNT b|OBJECT ENCODING b
MSET a 5 b 6|OBJECT REFCOUNT b|GETSET a 7|OBJECT REFCOUNT a|SETEX a 10 8|OBJECT REFCOUNT a
DEL a b|SETNX a 9|OBJECT REFCOUNT a|MSETNX b 1|OBJECT REFCOUNT b|GETEX b|OBJECT REFCOUNT b
"""

DEBUG = """
DEBUG|DEBUG FOO|DEBUG OBJECT|DEBUG OBJECT none|DEBUG SLEEP|DEBUG SLEEP 0|DEBUG SLEEP 0.1|PING
DEBUG SET-ACTIVE-EXPIRE 0|SET a 1 PX 1|DEBUG SLEEP 0.2|GET a|DEBUG SET-ACTIVE-EXPIRE 1
SET a 1|MULTI|DEBUG OBJECT none|DEBUG LOG hello|GET a|EXEC
"""

BEFORE_AUTH = """
NOPE|NOPE a b|GET|GET a|GET a b|SET a|CLIENT|CLIENT FOO|CLIENT ID|CONFIG GET|PING|PING a b|ECHO
MULTI|MULTI x|EXEC|EXEC x|DISCARD|WATCH|COMMAND|OBJECT|OBJECT FOO|INFO|WAIT|SHUTDOWN A B C D E
HELLO|HELLO 3|HELLO 3 SETNAME foo|HELLO 4|HELLO x|HELLO 3 AUTH default wrong|HELLO 3 FOO
AUTH|AUTH a b c d|AUTH wrong|AUTH default wrong|AUTH foo secret|AUTH default secret|PING
AUTH secret|PING|RESET|PING
HELLO 3 AUTH default secret SETNAME bar|CLIENT GETNAME|RESET|HELLO
HELLO 3 SETNAME foo AUTH default secret|CLIENT GETNAME|RESET|PING
HELLO 3 SETNAME x|AUTH secret|CLIENT GETNAME
HELLO 3 AUTH default secret FOO|CLIENT GETNAME|GET nope
HELLO 3 SETNAME q AUTH default secret SETNAME "a b"|CLIENT GETNAME|GET nope
HELLO 3 SETNAME foo AUTH default wrong|AUTH secret|CLIENT GETNAME|GET nope
HELLO 3 AUTH default secret AUTH default wrong|PING
HELLO 3 AUTH default wrong AUTH default secret|PING
RESET|QUIT
RESET x|QUIT x
AUTH secret|AUTH wrong|PING
AUTH secret|HELLO 3 AUTH default wrong|PING
AUTH secret|MULTI|HELLO 3 AUTH default wrong|AUTH wrong|AUTH secret|EXEC|PING
AUTH secret|MULTI|RESET|PING
"""

# Bytes as they are, each on a connection of its own that sends no more behind them: what CLIENT
# REPLY leaves out, words that would break a reply, and browsers, that speak to whatever listens.
BYTES = [
    b"CLIENT REPLY SKIP\r\nRESET\r\nECHO 1\r\nECHO 2\r\n",
    b"CLIENT REPLY SKIP\r\nRESET\r\nRESET\r\nECHO 2\r\n",
    b"CLIENT REPLY SKIP\r\nRESET x\r\nECHO 1\r\n",
    b"CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nRESET\r\nECHO 1\r\n",
    b"CLIENT REPLY OFF\r\nRESET\r\nECHO 1\r\n",
    b"CLIENT REPLY OFF\r\nCLIENT REPLY SKIP\r\nRESET\r\nECHO 1\r\nECHO 2\r\n",
    b"CLIENT REPLY OFF\r\nMULTI\r\nRESET\r\nECHO 1\r\n",
    b"CLIENT REPLY SKIP\r\nMULTI\r\nRESET\r\nECHO 1\r\n",
    b"MULTI\r\nCLIENT REPLY SKIP\r\nRESET\r\nECHO 1\r\nECHO 2\r\n",
    b"MULTI\r\nCLIENT REPLY SKIP\r\nEXEC\r\nRESET\r\nECHO 1\r\nECHO 2\r\n",
    encode(b"nope\r\n", b"a\r\n", b"b\0\r\n", b"\0c", b"") + encode("ECHO", "1"),
    encode(b"\0\r\nnope") + encode(b"nope\0\r\n") + encode(b"\n") + encode("ECHO", "1"),
    encode("CLIENT", b"x\0\r\n") + encode("CLIENT", b"x\r\n") + encode("ECHO", "1"),
    encode("CLIENT", "LIST", "TYPE", b"x\0\r\n") + encode("CLIENT", "LIST", "TYPE", b"x\r\n"),
    encode("CLIENT", "KILL", "USER", b"x\0y") + encode("CLIENT", "KILL", "TYPE", b"x\0y\r\n"),
    encode("CONFIG", "SET", b"x\0\r\n", "1") + encode("CONFIG", "SET", b"x\r\n", "1"),
    encode("CONFIG", "SET", "maxclients", b"1\0") + encode("CONFIG", b"\r\n\0"),
    encode("HELLO", "2", b"x\0\r\n") + encode("HELLO", "2", b"x\r\n") + encode("ECHO", "1"),
    encode("OBJECT", b"x\0\r\n", "k") + encode("MULTI") + encode(b"x\0\r\n") + encode("EXEC"),
    b"*1\r\n\r$1\r\nECHO 1\r\n",
    b"*1\r\n\nECHO 1\r\n",
    b'"nope\\x00x\\r\\n" "y\\r\\n"\r\nECHO 1\r\n',
    b"POST\r\nECHO 1\r\n",
    b" POST\r\nECHO 1\r\n",
    b"POST\tx\r\nECHO 1\r\n",
    b"\t\v POST / HTTP/1.1\r\nHost: x\r\n\r\nECHO 1\r\n",
    b"'POST' x\r\nECHO 1\r\n",
    b'"P\\x4fST" x\r\nECHO 1\r\n',
    b"Host:\r\nECHO 1\r\n",
    b" hOsT: x\r\nECHO 1\r\n",
    b'"Host:" x\r\nECHO 1\r\n',
    encode("post") + encode("ECHO", "1"),
    encode("Host:", "x") + encode("ECHO", "1"),
    b"POSTER x\r\n Host :\r\nECHO POST\r\nECHO Host:\r\n",
    b"CLIENT REPLY OFF\r\n POST\r\n",
]


def conversations(text):
    lines = text.replace("\\\n", "").strip().splitlines()
    return [[split_quoted(command) for command in line.split("|")] for line in lines]


def read(file):
    """One reply as bytes; texts about a server and numbers that are its own as their kind."""
    line = file.readline()
    if not line:
        return line
    if line[:1] in b"$=" and line[1:2] != b"-":
        data = file.read(int(line[1:]) + 2)
        if b"# Server" in data or b"# Replication" in data:
            return b"(INFO)"
        return b"(CLIENT LIST)" if b"addr=127.0.0.1" in data else line + data
    if line[:1] not in b"*~%>" or line[1:2] == b"-":
        return line
    count = int(line[1:]) * (2 if line[:1] == b"%" else 1)
    items = [read(file) for _ in range(count)]
    for at, item in enumerate(items[:-1]):
        if item in (b"$2\r\nid\r\n", b"$6\r\nmaster\r\n") and items[at + 1].startswith(b":"):
            items[at + 1] = b"(its own)"
    return line + b"".join(items)


def own_names(client, file, commands):
    """What stands for @ID and @ADDR, as far as the commands name them."""
    host, port = client.getsockname()
    names = {"@ADDR": f"{host}:{port}"}
    if any("@ID" in words for words in commands):
        client.sendall(encode("CLIENT", "ID"))
        names["@ID"] = file.readline()[1:-2].decode()
    return names


def converse(port, commands):
    """What a server replies to the commands, one by one, up to the end if it closes."""
    replies = []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        with client.makefile("rb") as file:
            names = own_names(client, file, commands)
            for words in commands:
                try:
                    client.sendall(encode(*(names.get(word, word) for word in words)))
                    reply = read(file)
                except ConnectionError:
                    reply = b""
                replies.append(reply or b"(closed)")
                if not reply:
                    break
    return replies


def answer_to(port, sent):
    """Everything a server sends back for bytes behind which nothing comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        return receive_all(client)


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
class Dialogues(NodeCase):
    def compare(self, text, reference, node):
        for commands in conversations(text):
            with self.subTest(commands=commands):
                for port in (reference, node.client[1]):
                    converse(port, [["FLUSHALL"]])
                expected = converse(reference, commands)
                self.assertEqual(converse(node.client[1], commands), expected)

    def test_every_state_of_a_connection_replies_as_redis_does(self):
        server, port = start_reference(self.directory)
        self.addCleanup(end, server)
        for shards, reactors in LAYOUTS:
            node = self.start_node("--shards", str(shards), "--reactors", str(reactors),
                                   name=f"data-{shards}-{reactors}")
            self.compare(DIALOGUES, port, node)
            self.assertEqual(node.terminate(), 0, node.output())

    def test_bytes_as_they_are_get_what_redis_sends(self):
        server, port = start_reference(self.directory)
        self.addCleanup(end, server)
        node = self.start_node("--shards", "2")
        for sent in BYTES:
            with self.subTest(sent=sent):
                self.assertEqual(answer_to(node.client[1], sent), answer_to(port, sent))

    def test_debug_replies_as_that_of_redis_where_both_have_it(self):
        server, port = start_reference(self.directory, "--enable-debug-command", "yes")
        self.addCleanup(end, server)
        node = self.start_node("--shards", "2", "--enable-debug")
        self.compare(DEBUG, port, node)

    def test_before_auth_replies_are_those_of_redis(self):
        server, port = start_reference(self.directory, "--requirepass", "secret")
        self.addCleanup(end, server)
        password = f"{self.directory}/password"
        with open(password, "w", encoding="ascii") as file:
            file.write("secret")
        node = self.start_node("--password", password)
        self.compare(BEFORE_AUTH, port, node)


if __name__ == "__main__":
    unittest.main()
