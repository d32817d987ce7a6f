"""What connections write to."""

import asyncio
from unittest.mock import Mock

from puntual.api.http.corked import Corked


def test_an_answer_to_a_client_that_is_gone_is_let_go() -> None:
    transport = Mock(is_closing=Mock(return_value=True), write=Mock(side_effect=RuntimeError("closed")))
    loop = Mock(spec=asyncio.AbstractEventLoop)
    Corked(transport, loop, patience=1).write(b"late")
    flush = loop.call_soon.call_args.args[0]
    flush()
    transport.write.assert_not_called()
