from collections.abc import AsyncIterator

import pytest

from tests.connectors.files.vendor import Vendor, vendor


@pytest.fixture
async def peer() -> AsyncIterator[Vendor]:
    """A vendor on a real socket."""
    async with vendor() as told:
        yield told
