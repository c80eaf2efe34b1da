package port

import (
	"strings"
	"testing"
)

// enough is more than Sniff ever asks for.
const enough = 18

var sniffs = []struct {
	name string
	b    string
	kind Kind
	more bool
}{
	{"nothing", "", Unknown, true},
	{"GET", "GET / HTTP/1.1\r\n", HTTP, false},
	{"one letter of a method", "O", HTTP, false},
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n", HTTP, false},
	{"PROPFIND is not PROXY", "PROPFIND /", HTTP, false},
	{"PRO may be PROXY", "PRO", Unknown, true},
	{"lower case", "get / HTTP/1.1", Unknown, false},
	{"PROXY v1", "PROXY TCP4 ", Proxy, false},
	{"PROXY v1 begun", "PROXY", Unknown, true},
	{"PROXY v2", "\r\n\r\n\x00\r\nQUIT\n\x21", Proxy, false},
	{"PROXY v2 begun", "\r\n\r\n\x00\r\nQUIT", Unknown, true},
	{"empty lines", "\r\n\r\n\r\n", Unknown, false},
	{"TLS 1.x", "\x16\x03\x01\x02\x00", TLS, false},
	{"half of TLS", "\x16", Unknown, true},
	{"not TLS", "\x16\x02", Unknown, false},
	{"pseudo-TLS", "\x80\x46\x01\x03\x01\x00\x2d", PseudoTLS, false},
	{"pseudo-TLS begun", "\x80\x46\x01", Unknown, true},
	{"SSLv2", "\x80\x2e\x01\x03\x01", Unknown, false},
	{"STUN in a frame", "\x00\x6c\x00\x01\x00\x58\x21\x12\xa4\x42", RTC, false},
	{"STUN but for the cookie", "\x00\x6c\x00\x01\x00\x58\x21\x12\xa4", Unknown, true},
	{"not the cookie", "\x00\x6c\x00\x01\x00\x58\x21\x12\xa4\x43", Unknown, false},
	{"STUN of 260 bytes", "\x01\x04\x00\x01\x00\xf0\x21\x12\xa4\x42", RTC, false},
	{"STUN of 800 bytes", "\x03\x20\x00\x01\x03\x0c\x21\x12\xa4\x42", RTC, false},
	{"DTLS in a frame", "\x00\xc8\x16\xfe\xfd", RTC, false},
	{"DTLS of 800 bytes, zeros where RTMP has them", "\x03\x20\x16\xfe\xfd\x00\x00\x00\x00\x00", RTC, false},
	{"SRTP in a frame", "\x04\xb0\x80", RTC, false},
	{"SRTP of 900 bytes", "\x03\x84\x80\x60\x12\x34\x56\x78\x9a\xbc", RTC, false},
	{"the longest frame", "\x05\xdc\x80", RTC, false},
	{"too long a frame", "\x05\xdd\x80", Unknown, false},
	{"an empty frame", "\x00\x00\x80", Unknown, false},
	{"a length alone", "\x00\x6c", Unknown, true},
	{"neither STUN, DTLS nor SRTP", "\x00\x6c\x40", Unknown, false},
	{"high bytes", "\xff\xff\xff", Unknown, false},
	{"RTMP with zeros", "\x03\x00\x01\x02\x03\x00\x00\x00\x00\x77", RTMP, false},
	{"RTMP of FFmpeg", "\x03\x00\x00\x00\x00\x09\x00\x7c\x02", RTMP, false},
	{"RTMP of librtmp", "\x03\x16\x16\x16\x16\x0a\x00\x2d\x02", RTMP, false},
	{"RTMP with digests", "\x03\x00\x00\x00\x00\x80\x00\x07\x02", RTMP, false},
	{"RTMP begun", "\x03\x00\x00\x00\x00\x00\x00\x00", Unknown, true},
	{"neither RTMP nor RTC", "\x03\x00\x40\x00\x00\x01\x00\x00\x00", Unknown, false},
}

func TestSniff(t *testing.T) {
	for _, test := range sniffs {
		if kind, more := Sniff([]byte(test.b)); kind != test.kind || more != test.more {
			t.Errorf("%s: %v, more %v", test.name, kind, more)
		}
	}
}

func TestKindNames(t *testing.T) {
	for kind := range Kinds {
		if kind.String() == "" {
			t.Errorf("kind %d has no name", kind)
		}
	}
	if Kind(200).String() != "no kind" {
		t.Error("a number that is no kind has a name")
	}
}

func TestSniffCostsNoMemory(t *testing.T) {
	b := []byte("\x00\x6c\x00\x01\x00\x58\x21\x12\xa4\x42")
	if n := testing.AllocsPerRun(100, func() { Sniff(b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzSniff gives any connection byte by byte: there is one decision, early, and it holds.
func FuzzSniff(f *testing.F) {
	for _, test := range sniffs {
		f.Add([]byte(test.b + strings.Repeat("\x00", enough)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		decided, was := false, Unknown
		for n := range len(b) + 1 {
			kind, more := Sniff(b[:n])
			switch {
			case more && (kind != Unknown || n >= enough):
				t.Fatalf("%x: kind %v and still asks for more", b[:n], kind)
			case decided && (more || kind != was):
				t.Fatalf("%x: was %v, is %v, more %v", b[:n], was, kind, more)
			}
			decided, was = !more, kind
		}
	})
}

func BenchmarkSniff(b *testing.B) {
	stun := []byte("\x00\x6c\x00\x01\x00\x58\x21\x12\xa4\x42")
	for b.Loop() {
		Sniff(stun)
	}
}
