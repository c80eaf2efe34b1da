// Package rtc is one WebRTC peer driven by bytes and time.
//
// It classifies what arrives, decrypts it, answers with feedback, and encrypts what goes out. It knows no socket, no
// goroutine, no clock and no other peer: the caller brings datagrams and the time, and carries away datagrams and events.
//
// A Peer has two halves with separate state, so that a publisher's packets and a viewer's batches never wait for each
// other: the Peer itself is the inbound half, an Outbound (handed over once, when the keys are there) the outbound one.
// Neither is safe for concurrent use; the caller holds one lock for each.
package rtc

import "time"

// Class is what the first bytes of a datagram say it is (RFC 7983, RFC 5761).
type Class uint8

const (
	Unknown Class = iota
	STUN
	DTLS
	RTP
	RTCP
)

// Classify tells the protocols of one WebRTC path apart by their first two bytes.
func Classify(b []byte) Class {
	if len(b) < 2 {
		return Unknown
	}
	switch {
	case b[0] <= 3:
		return STUN
	case b[0] >= 20 && b[0] <= 63:
		return DTLS
	case b[0] < 128 || b[0] > 191:
		return Unknown
	case b[1] >= 192 && b[1] <= 223:
		return RTCP
	default:
		return RTP
	}
}

// ntpEpoch is the distance from NTP's epoch (1900) to Unix's, in seconds.
const ntpEpoch = 2208988800

// ntp is t as a 64-bit NTP timestamp (RFC 3550 section 4).
func ntp(t time.Time) uint64 {
	ns := uint64(t.UnixNano())
	return (ns/1e9+ntpEpoch)<<32 | (ns%1e9)<<32/1e9
}

// fromNTP is the time of a 64-bit NTP timestamp.
func fromNTP(v uint64) time.Time {
	return time.Unix(int64(v>>32)-ntpEpoch, int64(v&0xffffffff*1e9>>32))
}

// shortNTP is the middle 32 bits of an NTP timestamp, as reports echo it: 1/65536 s.
func shortNTP(v uint64) uint32 { return uint32(v >> 16) }

// fromShort is a duration in 1/65536 s, the unit of DLSR (RFC 3550 section 6.4.1).
func fromShort(v uint32) time.Duration { return time.Duration(v) * time.Second >> 16 }

// toShort is the inverse of fromShort.
func toShort(d time.Duration) uint32 { return uint32(d << 16 / time.Second) }

// roundTrip is the time between a report of ours and the arrival of its echo, without the time the other side held it;
// false when the echo can't be of ours or says nonsense.
func roundTrip(now time.Time, lastReport, delay uint32) (time.Duration, bool) {
	if lastReport == 0 {
		return 0, false
	}
	d := fromShort(shortNTP(ntp(now)) - lastReport - delay)
	return d, d < 10*time.Second
}
