package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// -t prints every setting in force and where it comes from: environment, file, default.
func TestTestOfConfiguration(t *testing.T) {
	path := file(t, "http_api { enabled on;\n listen 127.0.0.1:7777; }\nvhost __defaultVhost__ { rtc { enabled on; } }\n")
	code, out, _ := ended(t, []string{"SRS_RTC_SERVER_MAX_SESSIONS=77"}, "-t", "-c", path)
	if code != 0 || !strings.HasSuffix(out, "the configuration is good\n") {
		t.Fatalf("code %d: %s", code, out)
	}
	for _, want := range []string{
		`(?m)^http_api\.listen +127\.0\.0\.1:7777 +.*test\.conf:2:9$`,
		`(?m)^rtc_server\.max_sessions +77 +SRS_RTC_SERVER_MAX_SESSIONS$`,
		`(?m)^rtc_server\.protocol +udp +default$`,
		`(?m)^vhost\.rtc\.enabled \(__defaultVhost__\) +on +.*test\.conf:3:`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	if code, out, _ := ended(t, nil, "-t"); code != 0 || !regexp.MustCompile(`(?m)^http_api\.listen +8080 +built-in`).MatchString(out) {
		t.Errorf("without a file: code %d\n%s", code, out)
	}
	if code, out, _ := ended(t, []string{"SRS_HTTP_SERVER_ENABLED=on"}, "-t", "-e"); code != 0 || !regexp.MustCompile(`(?m)^http_api\.enabled +off +default$`).MatchString(out) {
		t.Errorf("-e: code %d\n%s", code, out)
	}
	if code, out, _ := ended(t, []string{"SRS_CONFIG_FILE=" + path}, "-t"); code != 0 || !strings.Contains(out, "127.0.0.1:7777") {
		t.Errorf("SRS_CONFIG_FILE: code %d\n%s", code, out)
	}
}

// What can't be printed is not said to be good.
func TestTestWithoutOutput(t *testing.T) {
	nobody, out := io.Pipe()
	nobody.Close()
	var said strings.Builder
	if code := command([]string{"-t"}, nil, out, &said); code != 1 || !strings.Contains(said.String(), "closed pipe") {
		t.Errorf("code %d: %s", code, said.String())
	}
}

// What has no effect as it is configured is told, and stops nothing.
func TestWarnings(t *testing.T) {
	path := file(t, "http_api { enabled on; } vhost tv { http_remux { enabled on; } }")
	code, _, said := ended(t, nil, "-t", "-c", path)
	if code != 0 || !strings.Contains(said, "vhost tv") || !strings.Contains(said, "http_server.enabled is off") {
		t.Errorf("code %d: %s", code, said)
	}
	if _, _, said := ended(t, nil, "-t"); strings.Contains(said, "WARN") {
		t.Errorf("the built-in configuration warns: %s", said)
	}
}

// What there is to warn of is told though the configuration can't be used: it may be the reason.
func TestWarningsBesideAFailure(t *testing.T) {
	code, _, said := ended(t, []string{"SRS_RTC_SERVER_TCP_ENABLED=true", "SRS_RTC_SERVER_PROTOCOL=tcp", "SRS_LISTN=1"}, "-c",
		file(t, "rtc_server { enabled on; } vhost __defaultVhost__ { }"))
	if code != 1 {
		t.Errorf("code %d", code)
	}
	for _, want := range []string{"SRS_RTC_SERVER_TCP_ENABLED", "counts as `off`", "SRS_LISTN is unknown", "oneport: "} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %s", want, said)
		}
	}
}

// -t finds what would end the start, as far as that can be known without starting.
func TestTestFindsWhatCannotStart(t *testing.T) {
	crt := filepath.Join(t.TempDir(), "a.crt")
	if err := os.WriteFile(crt, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"http_api { enabled on; https { enabled on; key /tmp; cert " + crt + "; } }":       "http_api.https",
		"http_server { enabled on; https { enabled on; key missing; cert " + crt + "; } }": "http_server.https",
		"listen 1935; rtmps { enabled on; key " + crt + "; cert " + crt + "; }":            "rtmps",
		"vhost a { }": "nothing is switched on",
		"http_api { enabled on; listen 127.0.0.1:8080; } http_server { enabled on; }": "http_api.listen",
	} {
		code, out, said := ended(t, nil, "-t", "-c", file(t, text))
		if code != 1 || strings.Contains(out, "is good") || !strings.Contains(said, "oneport: ") || !strings.Contains(said, want) {
			t.Errorf("%s: code %d, %s%s", text, code, out, said)
		}
	}
	good := "http_api { enabled on; https { enabled on; key missing.key; cert missing.crt; } } vhost a { }"
	if code, _, said := ended(t, nil, "-t", "-c", file(t, good)); code != 0 {
		t.Errorf("certificates that the start would make: %s", said)
	}
	if _, err := os.Stat("missing.crt"); err == nil {
		t.Error("-t makes a certificate")
	}
}

// -e ignores the file of -c, and says so.
func TestEnvironmentOnlyWithAFile(t *testing.T) {
	code, _, said := ended(t, []string{"SRS_HTTP_SERVER_ENABLED=on"}, "-e", "-c", "some.conf", "-t")
	if code != 0 || !strings.Contains(said, "some.conf") || !strings.Contains(said, "ignored") {
		t.Errorf("code %d: %s", code, said)
	}
}
