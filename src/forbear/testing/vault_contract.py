"""Laws of every Vault. Subclass VaultContract in a test file and define its two methods. Needs pytest, hypothesis."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forbear.domain.errors import CorruptState
from forbear.engine.ports import Vault

_CUSTOMERS = st.sampled_from([1, 2**63 - 1, 2**63, 2**64 - 1])
_LAW = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)


def sealed_by(vault: Vault, customer: int, plain: bytes, about: bytes) -> bytes:
    """One text sealed, of a customer who was not erased."""
    (sealed,) = vault.seal([(customer, plain, about)])
    assert sealed is not None
    return sealed


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
        sealed = sealed_by(vault, customer, plain, about)

        assert plain == vault.open(customer, sealed, about)
        assert plain == self.again(vault).open(customer, sealed, about)

    def test_equal_input_gives_equal_output(self) -> None:
        """A replay seals the same bytes, in another process too; another text, customer or subject gives others."""
        vault = self.make()
        sealed = sealed_by(vault, 1, b"plain", b"about")

        assert sealed == sealed_by(vault, 1, b"plain", b"about") == sealed_by(self.again(vault), 1, b"plain", b"about")
        others = {
            sealed_by(vault, 1, b"plaim", b"about"),
            sealed_by(vault, 2, b"plain", b"about"),
            sealed_by(vault, 1, b"plain", b"abou"),
        }
        assert len({sealed} | others) == 4
        assert b"plain" not in sealed

    def test_two_vaults_share_no_key(self) -> None:
        """Keys are random: what one vault sealed another cannot open."""
        mine, other = self.make(), self.make()
        sealed = sealed_by(mine, 1, b"plain", b"")
        sealed_by(other, 1, b"", b"")

        with pytest.raises(CorruptState):
            other.open(1, sealed, b"")

    def test_many_at_once_are_sealed_as_one_by_one(self) -> None:
        """In their order, new customers and known ones, one of them twice."""
        vault = self.make()
        sealed_by(vault, 3, b"", b"")
        asked = [(customer, b"text %d" % customer, b"about") for customer in (5, 3, 2**64 - 1, 5)]
        together = vault.seal([*asked, (5, b"another", b"about")])

        assert list(together[:4]) == [sealed_by(vault, *one) for one in asked]
        assert together[0] == together[3] != together[4]
        assert list(vault.seal([])) == []

    @pytest.mark.parametrize("place", [0, 15, 16, -1])
    def test_a_changed_byte_is_noticed(self, place: int) -> None:
        """A ciphertext with one bit changed, wherever, opens for nobody."""
        vault = self.make()
        sealed = bytearray(sealed_by(vault, 1, b"plain text", b"about"))
        sealed[place] ^= 1

        with pytest.raises(CorruptState):
            vault.open(1, bytes(sealed), b"about")

    def test_what_is_cut_short_or_belongs_elsewhere_is_noticed(self) -> None:
        """A ciphertext that was cut, of another customer or about something else is refused; no key: None."""
        vault = self.make()
        sealed = sealed_by(vault, 1, b"plain", b"about")
        sealed_by(vault, 2, b"", b"")

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
        sealed, kept = sealed_by(vault, 1, b"plain", b""), sealed_by(vault, 2, b"plain", b"")
        assert other.open(1, sealed, b"") == b"plain"

        vault.erase(1)
        vault.erase(1)

        for one in (vault, other, self.again(vault)):
            assert one.open(1, sealed, b"") is None
            assert one.seal([(2, b"plain", b""), (1, b"plain", b"")]) == [kept, None]
            assert one.open(2, kept, b"") == b"plain"

    def test_who_never_had_a_key_can_be_erased(self) -> None:
        """Erasing comes before any sealing and still holds."""
        vault = self.make()
        vault.erase(7)

        assert self.again(vault).seal([(7, b"plain", b"")]) == [None]

    def test_errors_tell_no_secret(self) -> None:
        """No error and no repr shows a text, a key of a customer or what it is about."""
        vault = self.make()
        customer = 1_234_567_890_123
        sealed = sealed_by(vault, customer, b"secret-text", b"secret-subject")
        told = [repr(vault)]
        with pytest.raises(CorruptState) as changed:
            vault.open(customer, sealed + b"x", b"secret-subject")

        told += [str(changed.value), repr(changed.value.__cause__)]
        assert not [text for text in told if "secret" in text or str(customer) in text]
