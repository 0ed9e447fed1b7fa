"""Laws of every Vault. Subclass VaultContract in a test file and define its two methods. Needs pytest, hypothesis."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forbear.domain.errors import CorruptState, ErasedCustomer
from forbear.engine.ports import Vault

_CUSTOMERS = st.sampled_from([1, 2**63 - 1, 2**63, 2**64 - 1])
_LAW = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)


class VaultContract:
    """What holds of a vault wherever its keys are."""

    def make(self) -> Vault:
        """A vault without keys."""
        raise NotImplementedError

    def again(self, vault: Vault) -> Vault:
        """The same keys as another process sees them."""
        raise NotImplementedError

    @_LAW
    @given(customer=_CUSTOMERS, plain=st.binary(max_size=200), about=st.binary(max_size=40))
    def test_what_was_sealed_opens(self, customer: int, plain: bytes, about: bytes) -> None:
        """Sealed text opens to what it was, now and in another process."""
        vault = self.make()
        sealed = vault.seal(customer, plain, about)

        assert plain == vault.open(customer, sealed, about)
        assert plain == self.again(vault).open(customer, sealed, about)

    def test_equal_input_gives_equal_output(self) -> None:
        """A replay seals the same bytes, in another process too; another text, customer or subject gives others."""
        vault = self.make()
        sealed = vault.seal(1, b"plain", b"about")

        assert sealed == vault.seal(1, b"plain", b"about") == self.again(vault).seal(1, b"plain", b"about")
        others = {
            vault.seal(1, b"plaim", b"about"),
            vault.seal(2, b"plain", b"about"),
            vault.seal(1, b"plain", b"abou"),
        }
        assert len({sealed} | others) == 4
        assert b"plain" not in sealed

    def test_two_vaults_share_no_key(self) -> None:
        """Keys are random: what one vault sealed another cannot open."""
        mine, other = self.make(), self.make()
        sealed = mine.seal(1, b"plain", b"")
        other.seal(1, b"", b"")

        with pytest.raises(CorruptState):
            other.open(1, sealed, b"")

    @pytest.mark.parametrize("place", [0, 15, 16, -1])
    def test_a_changed_byte_is_noticed(self, place: int) -> None:
        """A ciphertext with one bit changed, wherever, opens for nobody."""
        vault = self.make()
        sealed = bytearray(vault.seal(1, b"plain text", b"about"))
        sealed[place] ^= 1

        with pytest.raises(CorruptState):
            vault.open(1, bytes(sealed), b"about")

    def test_what_is_cut_short_or_belongs_elsewhere_is_noticed(self) -> None:
        """A ciphertext that was cut, of another customer or about something else is refused; no key: None."""
        vault = self.make()
        sealed = vault.seal(1, b"plain", b"about")
        vault.seal(2, b"", b"")

        for customer, content, about in ((1, sealed[:-1], b"about"), (1, b"", b"about"), (1, sealed, b"else")):
            with pytest.raises(CorruptState):
                vault.open(customer, content, about)
        with pytest.raises(CorruptState):
            vault.open(2, sealed, b"about")
        assert vault.open(3, sealed, b"about") is None

    def test_an_erased_customer_is_gone_for_good(self) -> None:
        """After erasure nothing opens and nothing is sealed, for those who had the key in hand too; others stay."""
        vault = self.make()
        other = self.again(vault)
        sealed, kept = vault.seal(1, b"plain", b""), vault.seal(2, b"plain", b"")
        assert other.open(1, sealed, b"") == b"plain"

        vault.erase(1)
        vault.erase(1)

        for one in (vault, other, self.again(vault)):
            assert one.open(1, sealed, b"") is None
            with pytest.raises(ErasedCustomer):
                one.seal(1, b"plain", b"")
            assert one.open(2, kept, b"") == b"plain"

    def test_who_never_had_a_key_can_be_erased(self) -> None:
        """Erasing comes before any sealing and still holds."""
        vault = self.make()
        vault.erase(7)

        with pytest.raises(ErasedCustomer):
            self.again(vault).seal(7, b"plain", b"")

    def test_errors_tell_no_secret(self) -> None:
        """No error and no repr shows a text, a key of a customer or what it is about."""
        vault = self.make()
        customer = 1_234_567_890_123
        sealed = vault.seal(customer, b"secret-text", b"secret-subject")
        told = [repr(vault)]
        with pytest.raises(CorruptState) as changed:
            vault.open(customer, sealed + b"x", b"secret-subject")
        vault.erase(customer)
        with pytest.raises(ErasedCustomer) as erased:
            vault.seal(customer, b"secret-text", b"secret-subject")

        told += [str(changed.value), str(erased.value), repr(changed.value.__cause__), repr(erased.value.__cause__)]
        assert not [text for text in told if "secret" in text or str(customer) in text]
