package config

import (
	"strings"
	"testing"
)

// The table parses, says nothing twice, and its marks stand where they mean something.
func TestKnownDirectives(t *testing.T) {
	seen := make(map[string]bool)
	guards := make(map[string]bool)
	eachKnown(knownDirectives(), nil, func(d *Directive, path []string) {
		p := strings.Join(path, ".")
		if seen[p] {
			t.Errorf("%s stands twice in the table", p)
		}
		seen[p] = true
		if d.marked("unsafe") {
			guards[p] = true
			if d.Braces && d.First("enabled") == nil {
				t.Errorf("%s has no switch", p)
			}
		}
		if d.marked("any") && !d.Braces {
			t.Errorf("%s has no block", p)
		}
	})
	for _, p := range []string{
		"http_api.auth", "http_api.https", "http_server.https", "vhost.security", "vhost.refer",
		"vhost.http_hooks.on_connect", "vhost.http_hooks.on_publish", "vhost.http_hooks.on_play",
	} {
		if !guards[p] {
			t.Errorf("%s is not a guard", p)
		}
		delete(guards, p)
	}
	if len(guards) > 0 {
		t.Errorf("more guards than this test knows of: %v", guards)
	}
}

// What the program declares is no longer refused.
func TestSupportedGuard(t *testing.T) {
	var c struct {
		API struct {
			Auth struct {
				Enabled bool `conf:"enabled"`
			} `conf:"auth"`
		} `conf:"http_api"`
		Vhosts Vhosts[struct {
			Hooks struct {
				Enabled   bool     `conf:"enabled"`
				OnPublish []string `conf:"on_publish"`
			} `conf:"http_hooks"`
		}] `conf:"vhost"`
	}
	for text, want := range map[string]string{
		"http_api { auth { enabled on; } }":                              "",
		"vhost a { http_hooks { enabled on; on_publish http://x/; } }":   "",
		"vhost a { http_hooks { enabled on; on_play http://x/; } }":      "vhost.http_hooks.on_play",
		"vhost a { http_hooks { enabled off; on_play http://x/; } }":     "",
		"vhost a { security { enabled on; } security { enabled off; } }": "vhost.security",
	} {
		_, err := Load(Input{Source: Source{Path: "f", Text: []byte(text)}}, &c)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestModernise(t *testing.T) {
	const before = `
http_stream { listen 80; }
rtc_server { perf_stat on; queue_length 5; listen 1; }
srt_server { tlpkdrop off; }
stream_caster { host 1.2.3.4; rtp_port_min 9; sip { serial 3; listen 5; } }
vhost a {
    http { enabled on; } mr { enabled on; latency 10; } publish_1stpkt_timeout 1; publish_normal_timeout 2;
    time_jitter full; mix_correct on; atc on; atc_auto on; mw_latency 3; gop_cache off; gop_cache_max_frames 4;
    queue_length 5; send_min_interval 6; reduce_sequence_header on; forward a b; mode remote; origin x y;
    token_traverse on; vhost v; debug_srs_upnode off; nack { enabled on; no_copy off; } twcc { enabled off; }
    rtc { aac transcode; bframe drop; } http_remux { hstrs on; mount m; } hls { hls_storage x; hls_mount y; hls_path z; }
    bandcheck { key k; } refer r; refer_play p; refer_publish q;
}
vhost b { refer { all r; } forward { enabled on; } publish { mr off; } mr { enabled on; } }`
	const after = `
http_server { listen 80; }
rtc_server { listen 1; }
srt_server { tlpktdrop off; }
stream_caster { sip { listen 5; candidate 1.2.3.4; } }
vhost a {
    http_static { enabled on; }
    forward { enabled on; destination a b; }
    rtc { nack on; nack_no_copy off; twcc off; rtmp_to_rtc on; keep_bframe off; }
    http_remux { mount m; }
    hls { hls_path z; }
    publish { mr on; mr_latency 10; firstpkt_timeout 1; normal_timeout 2; }
    play {
        time_jitter full; mix_correct on; atc on; atc_auto on; mw_latency 3; gop_cache off; gop_cache_max_frames 4;
        queue_length 5; send_min_interval 6; reduce_sequence_header on;
    }
    cluster { mode remote; origin x y; token_traverse on; vhost v; debug_srs_upnode off; }
    refer { all r; enabled on; play p; publish q; }
}
vhost b { refer { all r; } forward { enabled on; } publish { mr off; mr on; } }`
	parse := func(text string) *Directive {
		root, err := Parse(Source{Path: "f", Text: []byte(text)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return root
	}
	got := parse(before)
	modernise(got)
	if g, w := words(got), words(parse(after)); g != w {
		t.Errorf("got  %s\nwant %s", g, w)
	}
}

// words writes a tree without its positions.
func words(d *Directive) string {
	var b strings.Builder
	for _, c := range d.Block {
		b.WriteString(c.Name)
		for _, a := range c.Args {
			b.WriteString(" " + a.Text)
		}
		if c.Braces {
			b.WriteString(" { " + words(c) + "}")
		}
		b.WriteString("; ")
	}
	return b.String()
}
