package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestFloor(t *testing.T) {
	networks := []string{"tcp"}
	if runtime.GOOS == "linux" {
		networks = append(networks, "udp")
	}
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			var out, stderr bytes.Buffer
			code := Main([]string{"-floor", "-n", "5", "-net", network, "-d", "300ms", "-json"}, &out, &stderr)
			if code != 0 {
				t.Fatalf("exit code %d: %s", code, stderr.String())
			}
			var r FloorResult
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			// 300 ms are 8 frames, at 0, 40, .. 280, and 15 sounds, at 10, 30, .. 290.
			if want := uint64(5 * (8*11 + 15)); r.Packets != want || r.PerFrame != 11 || r.Net != network {
				t.Errorf("%d packets, want %d: %+v", r.Packets, want, r)
			}
			if l := r.Latency; l.P50 <= 0 || l.P50 > l.P99 || l.P99 > l.Max || l.Max < r.Behind {
				t.Errorf("latency %+v, at most %v ms late", l, r.Behind)
			}
			if r.USPerPacket <= 0 || r.CPUPerGbit <= 0 || r.Mbps <= 0 || r.Seconds < 0.28 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// What is not to be encrypted has as many bytes as was asked for.
func TestFloorPlain(t *testing.T) {
	f := newFloor(FloorOptions{Net: "tcp", N: 1, Plain: true}, &outlets{list: []outlet{new(recorder)}})
	if err := f.fan(3, 1000); err != nil {
		t.Fatal(err)
	}
	if got := f.outlets[0].(*recorder).batches; len(got) != 1 || len(got[0]) != 3*(2+12+1000) || f.bytes != 3*(12+1000) {
		t.Errorf("%d batches, %d bytes counted", len(got), f.bytes)
	}
}

// What is sent can be opened again, and is framed as RFC 4571 says.
func TestFloorSeals(t *testing.T) {
	f := newFloor(FloorOptions{Net: "tcp", N: 1}, &outlets{list: []outlet{new(recorder)}})
	if err := f.fan(3, 1000); err != nil {
		t.Fatal(err)
	}
	got := f.outlets[0].(*recorder)
	if len(got.batches) != 1 || len(got.batches[0]) != 3*(2+12+1000+16) || got.packet != 2+12+1000+16 {
		t.Fatalf("%d batches, packets of %d", len(got.batches), got.packet)
	}
	b := got.batches[0]
	for i := range 3 {
		frame := b[2:1030]
		nonce := append(make([]byte, 11), byte(i))
		plain, err := f.gcm.Open(nil, nonce, frame[12:], frame[:12])
		if err != nil || len(plain) != 1000 {
			t.Errorf("packet %d: %d bytes, %v", i, len(plain), err)
		}
		b = b[1030:]
	}
	if f.packets != 3 || f.bytes != 3*1028 {
		t.Errorf("%d packets, %d bytes counted", f.packets, f.bytes)
	}
}

type recorder struct {
	batches [][]byte
	packet  int
}

func (r *recorder) send(batch []byte, packet int) error {
	r.batches, r.packet = append(r.batches, bytes.Clone(batch)), packet
	return nil
}

func (r *recorder) Close() error { return nil }

func TestFloorInterrupted(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	var out bytes.Buffer
	r, err := Floor(ctx, FloorOptions{Net: "tcp", N: 2, Duration: time.Hour, KBPS: 2500, FPS: 25}, &out)
	if ctx.Err() == nil || err == nil && (r.Seconds > 60 || !strings.Contains(out.String(), "us/packet")) {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestFloorFlags(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"-floor -n 0", "-n: 0 viewers"},
		{"-floor -net sctp", `"sctp" is neither`},
		{"-floor -audio -1", "-audio: -1 is less"},
		{"-floor -net udp -plain", "-plain: what is not encrypted"},
		{"-floor -whip http://h/", "-floor needs no server"},
	} {
		var out, stderr bytes.Buffer
		if code := Main(strings.Fields(test.args), &out, &stderr); code != 1 || !strings.Contains(stderr.String(), test.want) {
			t.Errorf("%s: exit code %d: %s", test.args, code, stderr.String())
		}
	}
}

// The reading process ends with its standard input, connected or not.
func TestSinkEnds(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		stdin, end := io.Pipe()
		lines, stdout := io.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- sink(network, 2, stdin, stdout) }()
		if _, err := lines.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		end.Close()
		lines.Close()
		err := within(t, "end of the sink", ended)
		if network == "udp" != (err == nil) { // TCP was still waiting for its second connection
			t.Errorf("%s: %v", network, err)
		}
	}
}

// When there can't be so many connections, the floor says so, and its reading process ends.
func TestFloorOutOfDescriptors(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command(shell, "-c", `ulimit -n 64; exec "$0" bench -floor -d 100ms -n 200`, os.Args[0])
	out, err := run.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "too many open files") {
		t.Errorf("%v: %s", err, out)
	}
}
