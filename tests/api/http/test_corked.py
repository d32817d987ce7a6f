"""What connections write to."""

import asyncio
from unittest.mock import Mock

from puntual.api.http.corked import Corked
from puntual.api.http.uvicorn_protocol import Connection


def test_an_answer_to_a_client_that_is_gone_is_let_go() -> None:
    transport = Mock(is_closing=Mock(return_value=True), write=Mock(side_effect=RuntimeError("closed")))
    loop = Mock(spec=asyncio.AbstractEventLoop)
    Corked(transport, loop, patience=1).write(b"late")
    flush = loop.call_soon.call_args.args[0]
    flush()
    transport.write.assert_not_called()


def test_an_answer_that_is_still_held_is_sent_before_a_connection_ends_that_the_client_ended_first() -> None:
    transport = Mock(is_closing=Mock(return_value=False))
    corked = Corked(transport, Mock(spec=asyncio.AbstractEventLoop), patience=1)
    connection = Mock(spec=Connection, cycle=Mock(response_complete=True), _in_body=False, _corked=corked)
    corked.write(b"answer")
    assert Connection.eof_received(connection) is False
    transport.write.assert_called_once_with(b"answer")
