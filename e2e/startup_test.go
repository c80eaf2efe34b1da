package e2e

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What can't be started says why in one sentence that names the setting, and exits with 1.
func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", ":0")
	must(t, err)
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	bad := filepath.Join(t.TempDir(), "bad.conf")
	must(t, os.WriteFile(bad, []byte("http_api {\n    enabled on;\n    lisen 8080;\n}\n"), 0o600))
	for _, tc := range []struct {
		name    string
		args    []string
		environ []string
		says    []string
	}{
		{"port in use", nil, []string{"SRS_HTTP_API_LISTEN=" + port}, []string{port, "in use", "http_api.listen"}},
		{"unreadable file", []string{"-c", filepath.Join(t.TempDir(), "none.conf")}, nil, []string{"none.conf", "-c"}},
		{"unknown directive", []string{"-c", bad}, nil, []string{"bad.conf", "3", "lisen", "listen"}},
		{"bad value", nil, []string{"SRS_RTC_SERVER_PROTOCOL=sctp"}, []string{"protocol", "sctp"}},
		{"nothing on", []string{"-e"}, nil, []string{"http_api", "rtc_server"}},
		{"unknown argument", []string{"serve"}, nil, []string{"serve", "-h"}},
	} {
		var stderr bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), slack)
		command := exec.CommandContext(ctx, program, tc.args...)
		command.Env = append(os.Environ(), tc.environ...)
		command.Stderr = &stderr
		err := command.Run()
		cancel()
		if code := command.ProcessState.ExitCode(); code != 1 {
			t.Errorf("%s: exit code %d (%v)", tc.name, code, err)
		}
		text := strings.TrimSpace(stderr.String())
		last := text[strings.LastIndexByte(text, '\n')+1:]
		for _, want := range tc.says {
			if !strings.Contains(last, want) {
				t.Errorf("%s: %q does not say %q", tc.name, text, want)
			}
		}
	}
}
