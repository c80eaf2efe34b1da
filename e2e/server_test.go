package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"oneport/api"
	"oneport/port/porttest"
)

// stopLimit is how long the server may take to stop: what the product promises, not ten times that.
const stopLimit = 3 * time.Second

// server is the binary as a child process, everything on one port of the loopback.
type server struct {
	t    testing.TB
	port string
	addr string // of the port, by IPv4
	cmd  *exec.Cmd
	log  journal
	done chan struct{} // closed when the process is gone, after code is set
	code int
	stop sync.Once
}

// start runs the binary and waits until it serves. When the test ends it is stopped, and must have stopped well.
func start(t testing.TB, environ ...string) *server {
	t.Helper()
	return launch(t, []string{program}, environ)
}

// launch is start with a command line that ends in running the binary.
func launch(t testing.TB, command, environ []string) *server {
	t.Helper()
	for range 3 { // another program may take the port first
		s := &server{t: t, port: porttest.Free(t), done: make(chan struct{})}
		s.addr = net.JoinHostPort("127.0.0.1", s.port)
		if s.run(command, environ) {
			t.Cleanup(s.finish)
			return s
		}
	}
	t.Fatal("the server does not start")
	return nil
}

func (s *server) run(command, environ []string) bool {
	s.t.Helper()
	s.cmd = exec.Command(command[0], command[1:]...)
	s.cmd.Dir = s.t.TempDir() // where it keeps the certificate that it makes
	s.cmd.Env = append(os.Environ(),
		"SRS_LISTEN=shared", "SRS_HTTP_API_LISTEN="+s.port, "SRS_HTTP_SERVER_LISTEN="+s.port,
		"SRS_RTC_SERVER_LISTEN="+s.port, "SRS_RTC_SERVER_TCP_LISTEN="+s.port,
		"SRS_SRT_SERVER_ENABLED=off", // it would need a UDP port of its own
		"CANDIDATE=127.0.0.1", "GORACE=halt_on_error=0 exitcode=66")
	s.cmd.Env = append(s.cmd.Env, environ...)
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd.Stderr = &s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	serving := awaitGreeting(stdout)
	go func() {
		_, _ = io.Copy(io.Discard, stdout)
		_ = s.cmd.Wait()
		s.code = s.cmd.ProcessState.ExitCode()
		close(s.done)
	}()
	if !serving {
		<-s.done
		s.t.Logf("no greeting:\n%s", s.log.text())
	}
	return serving
}

// awaitGreeting reads up to the line that is printed when every port is open.
func awaitGreeting(stdout io.Reader) bool {
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "open http") {
			return true
		}
	}
	return false
}

// terminate sends SIGTERM and gives the time until the process was gone.
func (s *server) terminate() time.Duration {
	s.t.Helper()
	began := time.Now()
	s.stop.Do(func() { _ = s.cmd.Process.Signal(syscall.SIGTERM) })
	select {
	case <-s.done:
	case <-time.After(10 * stopLimit):
		_ = s.cmd.Process.Signal(syscall.SIGQUIT) // for the goroutines in the log
		<-s.done
		s.t.Errorf("the server did not stop within %v:\n%s", 10*stopLimit, s.log.text())
	}
	return time.Since(began)
}

// finish stops the server and checks what must hold after any test.
func (s *server) finish() {
	s.t.Helper()
	if d := s.terminate(); d > stopLimit {
		s.t.Errorf("the server took %v to stop, more than %v", d, stopLimit)
	}
	if s.code != 0 {
		s.t.Errorf("exit code %d", s.code)
	}
	s.checkSessions()
	for _, bad := range []string{"panic", "DATA RACE", "fatal error"} {
		if strings.Contains(s.log.text(), bad) {
			s.t.Errorf("the log speaks of %q", bad)
		}
	}
	if s.t.Failed() {
		s.t.Logf("log of the server:\n%s", s.log.tail(60))
	}
}

// checkSessions holds the log to one line when a session starts and one when it ends.
func (s *server) checkSessions() {
	s.t.Helper()
	started, ended := map[string]int{}, map[string]int{}
	for _, e := range s.log.entries() {
		switch e["msg"] {
		case "session started":
			started[e["session"]]++
			s.checkFields(e, "session", "stream", "role", "transport", "remote")
			if e["transport"] == "udp" || e["transport"] == "tcp" { // it is by WebRTC; other protocols are named here
				s.checkFields(e, "codecs", "srtp")
			}
		case "session ended":
			ended[e["session"]]++
			s.checkFields(e, "session", "stream", "role", "why", "lasted")
			if e["transport"] == "" {
				s.checkFields(e, "packets_in", "lost", "packets_out", "skips")
			}
		}
	}
	for id, n := range started {
		if n != 1 || ended[id] != 1 {
			s.t.Errorf("session %s: %d lines of its start, %d of its end", id, n, ended[id])
		}
	}
	for id, n := range ended {
		if n != 1 {
			s.t.Errorf("session %s: %d lines of its end", id, n)
		}
	}
}

// awaitEnd waits for the line that tells of a session's end: the client is told first. That there is no other, finish checks.
func (s *server) awaitEnd(session string) entry {
	s.t.Helper()
	var ended []entry
	eventually(s.t, joinLimit, "the log tells of the session's end", func() bool {
		ended = s.log.find("msg", "session ended", "session", session)
		return len(ended) > 0
	})
	return ended[0]
}

// checkFields holds a line of the log to saying something in each field.
func (s *server) checkFields(e entry, fields ...string) {
	s.t.Helper()
	for _, f := range fields {
		if e[f] == "" {
			s.t.Errorf("a line of the log says no %s: %v", f, e)
		}
	}
}

// endpoint is the URL for a stream: "whip" or "whep".
func (s *server) endpoint(endpoint, stream string) string {
	return fmt.Sprintf("http://%s/rtc/v1/%s/?app=live&stream=%s", s.addr, endpoint, stream)
}

func (s *server) get(path string) []byte {
	s.t.Helper()
	res, err := (&http.Client{Timeout: 30 * time.Second}).Get("http://" + s.addr + path)
	if err != nil {
		s.t.Fatalf("get %s: %v", path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		s.t.Fatalf("get %s: %s %v", path, res.Status, err)
	}
	return body
}

// clients lists the sessions, all of them.
func (s *server) clients() []api.Client {
	s.t.Helper()
	var reply api.ClientsReply
	if err := json.Unmarshal(s.get("/api/v1/clients/?count=100000"), &reply); err != nil {
		s.t.Fatal(err)
	}
	return reply.Clients
}

// client is the one session of a stream in a role.
func (s *server) client(stream string, publish bool) api.Client {
	s.t.Helper()
	var found []api.Client
	for _, c := range s.clients() {
		if c.Name == stream && c.Publish == publish {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		s.t.Fatalf("%d sessions of %s with publish=%v, want 1", len(found), stream, publish)
	}
	return found[0]
}

// metric reads a figure of /metrics; the sum, if it has labels.
func (s *server) metric(name string) float64 {
	s.t.Helper()
	sum, found := 0.0, false
	for _, line := range strings.Split(string(s.get("/metrics")), "\n") {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		v, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			s.t.Fatal(err)
		}
		sum, found = sum+v, true
	}
	if !found && name != "oneport_sessions" {
		s.t.Fatalf("no metric %s", name)
	}
	return sum
}

// rss is the resident memory of the process in bytes.
func (s *server) rss() int64 {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return kb << 10
}

// eventually waits until a condition holds. The limit is for a machine that is ten times too slow.
func eventually(t testing.TB, within time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > within {
			t.Fatalf("not within %v: %s", within, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(began)
}

// clientOf is the session of an id, which must be there.
func clientOf(t testing.TB, s *server, id string) api.Client {
	t.Helper()
	for _, c := range s.clients() {
		if c.ID == id {
			return c
		}
	}
	t.Fatalf("session %s is gone", id)
	return api.Client{}
}

// sessionAt is the id of the session behind a client's Location.
func sessionAt(t testing.TB, s *server, v *viewer) string {
	t.Helper()
	at, err := url.Parse(v.Location())
	must(t, err)
	for _, c := range s.clients() {
		if c.SessionID == at.Query().Get("session") {
			return c.ID
		}
	}
	t.Fatalf("no session %s", at.Query().Get("session"))
	return ""
}
