package fmp4_test

import (
	"bytes"
	"testing"

	"oneport/fmp4"
	"oneport/media"
)

// What an OpusHead says of the sound before it was coded is no player's business, and Chromium refuses all but 48 kHz.
func TestOpusIsDescribedAtTheRateItIsPlayedAt(t *testing.T) {
	for name, rate := range map[string]string{"48 kHz": "\x80\xbb\x00\x00", "44.1 kHz": "\x44\xac\x00\x00", "unknown": "\x00\x00\x00\x00", "in the other byte order": "\x00\x00\xbb\x80"} {
		head := "OpusHead\x01\x02\x38\x01" + rate + "\x00\x00\x00"
		f := &media.FrameFormat{Codec: media.Opus, Config: []byte(head), Channels: 2}
		got, err := fmp4.AppendInit(nil, fmp4.Track{ID: 1, Format: f})
		if err != nil {
			t.Fatal(name, err)
		}
		if want := []byte("\x00\x00\x00\x13dOps\x00\x02\x01\x38\x00\x00\xbb\x80\x00\x00\x00"); !bytes.Contains(got, want) {
			t.Errorf("%s: no box %x in %x", name, want, got)
		}
	}
}
