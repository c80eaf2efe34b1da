package dtls

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestAdmissible(t *testing.T) {
	rec := func(kind, epoch byte, fragment ...byte) []byte {
		return append([]byte{kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 1, 0, byte(len(fragment))}, fragment...)
	}
	join := func(b ...[]byte) []byte { return bytes.Join(b, nil) }
	hello := rec(typeHandshake, 0, append([]byte{msgClientHello}, make([]byte, 30)...)...)
	protected := make([]byte, 40)
	for _, c := range []struct {
		name  string
		b     []byte
		want  bool
		opens bool
	}{
		{"nothing", nil, false, false},
		{"a hello", hello, true, true},
		{"two hellos", join(hello, hello), true, true},
		{"a hello with something behind it", join(hello, []byte{1}), false, false},
		{"a hello cut short", hello[:30], false, false},
		{"a header alone", hello[:headerLen], false, false},
		{"an empty record", rec(typeHandshake, 0), false, false},
		{"a handshake shorter than its header", rec(typeHandshake, 0, 1, 2, 3), false, false},
		{"another message", rec(typeHandshake, 0, append([]byte{11}, make([]byte, 30)...)...), true, false},
		{"another version", join([]byte{typeHandshake, 3, 3}, hello[3:]), false, false},
		{"a fatal alert", rec(typeAlert, 0, 2, 40), true, false},
		{"a long plain alert", rec(typeAlert, 0, 2, 40, 1), false, false},
		{"a protected alert", rec(typeAlert, 1, protected...), true, false},
		{"change cipher spec", rec(typeChangeCipherSpec, 0, 1), true, false},
		{"change cipher spec with another value", rec(typeChangeCipherSpec, 0, 2), false, false},
		{"change cipher spec of epoch 1", rec(typeChangeCipherSpec, 1, 1), false, false},
		{"a protected message", rec(typeHandshake, 1, protected...), true, false},
		{"epoch 2", rec(typeHandshake, 2, protected...), false, false},
		{"application data", rec(23, 1, protected...), false, false},
		{"plain application data", rec(23, 0, 1, 2, 3), false, false},
		{"connection id", rec(25, 1, protected...), false, false},
	} {
		if got := admissible(c.b); got != c.want {
			t.Errorf("%s: admissible is %v", c.name, got)
		}
		if got := opensHandshake(c.b); got != c.opens {
			t.Errorf("%s: opensHandshake is %v", c.name, got)
		}
	}
}

// mirrored returns the two ends of a protected record layer.
func mirrored() (a, b *protection) {
	x := direction{key: [keyLen]byte{1}, iv: [ivLen]byte{2}}
	y := direction{key: [keyLen]byte{3}, iv: [ivLen]byte{4}}
	return &protection{local: x, remote: y, next: 1, expect: 1}, &protection{local: y, remote: x, next: 1, expect: 1}
}

func TestSealAndOpen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := mirrored()
		a.next = rapid.Uint64Range(0, maxSequence).Draw(t, "next")
		b.expect = a.next
		fragment := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "fragment")
		r, err := a.seal(typeAlert, fragment)
		if err != nil {
			t.Fatal(err)
		}
		if recordLen(r) != len(r) || r.epoch() != 1 || r.sequence() != a.next-1 || r.kind() != typeAlert {
			t.Fatalf("the record is %x", []byte(r))
		}
		got, fresh, ok := b.open(r, len(fragment))
		if !ok || !fresh || !bytes.Equal(got, fragment) {
			t.Fatalf("opened %x, %v, %v", got, fresh, ok)
		}
		i := rapid.IntRange(0, len(r)-1).Draw(t, "broken byte")
		r[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		if recordLen(r) != len(r) {
			return // The length was broken, so records would not have yielded it.
		}
		if _, _, ok := b.open(r, len(fragment)); ok {
			t.Fatalf("a record that was changed at byte %d opens", i)
		}
	})
}

func TestSequenceNumbersEnd(t *testing.T) {
	a, _ := mirrored()
	a.next = maxSequence
	if _, err := a.seal(typeAlert, []byte{1, 0}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.seal(typeAlert, []byte{1, 0}); !errors.Is(err, errSequence) {
		t.Fatalf("the record after the last one gives %v", err)
	}
}
