package stream

import (
	"strings"
	"testing"
	"time"
)

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Config)
		want   string // how the complaint begins; empty: there is none
	}{
		{"as tested", func(*Config) {}, ""},
		{"no lag", func(c *Config) { c.Play.MaxLag = 0 }, "max_lag "},
		{"negative bytes", func(c *Config) { c.Play.GopMaxBytes = -1 }, "gop_cache_max_bytes "},
		{"no ring", func(c *Config) { c.Play.RingMaxPackets = 0 }, "ring_max_packets "},
		{"negative hold", func(c *Config) { c.Play.MWLatency = -1 }, "mw_latency "},
		{"the ring is just long enough", func(c *Config) { c.Play.RingMaxAge = 3 * time.Second }, ""},
		{"the ring is shorter than a start", func(c *Config) { c.Play.RingMaxAge = 3*time.Second - 1 }, "ring_max_age "},
		{"no silence", func(c *Config) { c.Publish.PublisherSilence = 0 }, "publisher_silence "},
		{"no interval", func(c *Config) { c.Publish.KeyframeInterval = -1 }, "keyframe_request_interval "},
		{"no interval for lag", func(c *Config) { c.Publish.LagKeyframeInterval = 0 }, "keyframe_request_interval_lag "},
	} {
		config := testConfig()
		test.change(&config)
		complaint := ""
		for _, err := range []error{config.Play.Check(), config.Publish.Check()} {
			if err != nil {
				complaint += err.Error()
			}
		}
		if (complaint == "") != (test.want == "") || !strings.HasPrefix(complaint, test.want) {
			t.Errorf("%s: Check says %q; want %q", test.name, complaint, test.want)
		}
	}
}
