package bench

import (
	"bufio"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// FloorOptions say what to send. It is the work of a media server that does nothing but what it must.
type FloorOptions struct {
	Net      string // "tcp" or "udp"
	N        int    // viewers
	Duration time.Duration
	KBPS     int // of video
	FPS      int
	Audio    int  // audio packets a second
	Plain    bool // nothing is encrypted: the least that HTTP can cost
	JSON     bool // print the result as JSON
}

// FloorResult is the least that the fan-out costs on this machine, now.
type FloorResult struct {
	Net         string  `json:"net"`
	Viewers     int     `json:"viewers"`
	PerFrame    int     `json:"packets_per_frame"`
	Audio       int     `json:"audio_packets_per_second"`
	Seconds     float64 `json:"seconds"`
	Packets     uint64  `json:"packets"`
	Mbps        float64 `json:"mbps"` // of RTP, encrypted, without framing
	USPerPacket float64 `json:"us_per_packet"`
	UserUS      float64 `json:"user_us_per_packet"`
	SystemUS    float64 `json:"system_us_per_packet"`
	CPUPerGbit  float64 `json:"cpu_s_per_gbit"`
	Behind      float64 `json:"behind_ms"` // the most that a frame or a sound was late

	// Latency is the time from when a packet is due to when its batch is given to the kernel: what one loop makes the
	// viewers wait that it does not come to first.
	Latency Quantiles `json:"latency_ms"`
}

func (o FloorOptions) check() error {
	switch {
	case o.Net != "tcp" && o.Net != "udp":
		return fmt.Errorf("-net: %q is neither tcp nor udp", o.Net)
	case o.N < 1:
		return fmt.Errorf("-n: %d viewers can't be measured, give 1 or more", o.N)
	case o.Plain && o.Net != "tcp":
		return errors.New("-plain: what is not encrypted goes over TCP alone")
	case o.Audio < 0:
		return fmt.Errorf("-audio: %d is less than zero", o.Audio)
	}
	return nil
}

// Floor measures the least that fanning a stream out can cost: AES-128-GCM once for each packet and viewer, the framing, and
// one system call for each frame or sound and viewer, from one loop. Another process reads and throws everything away.
func Floor(ctx context.Context, o FloorOptions, stdout io.Writer) (FloorResult, error) {
	if err := o.check(); err != nil {
		return FloorResult{}, fmt.Errorf("floor: %w", err)
	}
	out, err := openOutlets(ctx, o)
	if err != nil {
		return FloorResult{}, fmt.Errorf("floor: %w", err)
	}
	defer out.close()
	f := newFloor(o, out)
	if err := f.run(ctx); err != nil {
		return FloorResult{}, fmt.Errorf("floor: %w", err)
	}
	if o.JSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return f.result, e.Encode(f.result)
	}
	_, err = io.WriteString(stdout, f.result.String())
	return f.result, err
}

func (r FloorResult) String() string {
	return fmt.Sprintf("floor, %s: %d viewers, %d packets a frame in one write, %d audio packets/s in a write each\n"+
		"%.2f us/packet (user %.2f, sys %.2f), %.3f CPU-s/Gbit, %.1f Mbit/s; at most %.1f ms late, each packet p50 %.2f ms p99 %.2f\n",
		r.Net, r.Viewers, r.PerFrame, r.Audio, r.USPerPacket, r.UserUS, r.SystemUS, r.CPUPerGbit, r.Mbps, r.Behind, r.Latency.P50, r.Latency.P99)
}

// outlet is the way to one viewer: it takes a batch of packets of equal size, sealed and framed, and gives it to the kernel
// in one system call.
type outlet interface {
	send(batch []byte, packet int) error
	Close() error
}

// floor is the sending loop.
type floor struct {
	opt     FloorOptions
	outlets []outlet
	framed  bool // RFC 4571
	gcm     cipher.AEAD
	header  [12]byte
	nonce   [12]byte
	payload []byte
	batch   []byte
	packets uint64
	bytes   uint64
	due     time.Time // of the batch that is being sent
	latency histogram
	result  FloorResult
}

func newFloor(o FloorOptions, out *outlets) *floor {
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		panic(err) // the key has the right size
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return &floor{opt: o, outlets: out.list, framed: o.Net == "tcp", gcm: gcm, payload: make([]byte, payloadSize)}
}

// run sends until the time is over, frames and sounds when they are due.
func (f *floor) run(ctx context.Context) error {
	frame := f.opt.KBPS * 1000 / 8 / f.opt.FPS
	count := max(1, (frame+payloadSize-1)/payloadSize)
	size := max(1, frame/count)
	r := &f.result
	*r = FloorResult{Net: f.opt.Net, Viewers: f.opt.N, PerFrame: count, Audio: f.opt.Audio}
	videoDue, audioDue, audioStep := time.Duration(0), never, time.Duration(0)
	if f.opt.Audio > 0 {
		audioStep = time.Second / time.Duration(f.opt.Audio)
		audioDue = audioStep / 2 // not together with a frame
	}
	used, start := ownCPU(), time.Now()
	for {
		due := min(videoDue, audioDue)
		if due >= f.opt.Duration {
			break
		}
		f.due = start.Add(due)
		wait(ctx, time.Until(f.due))
		if ctx.Err() != nil {
			break
		}
		r.Behind = max(r.Behind, milliseconds(time.Since(f.due)))
		var err error
		if due == videoDue {
			videoDue += time.Second / time.Duration(f.opt.FPS)
			err = f.fan(count, size)
		} else {
			audioDue += audioStep
			err = f.fan(1, audioSize)
		}
		if err != nil {
			return err
		}
	}
	f.sum(ownCPU().minus(used), time.Since(start))
	return nil
}

func (f *floor) sum(used cpu, took time.Duration) {
	packets, bits := max(float64(f.packets), 1), float64(f.bytes)*8
	r := &f.result
	r.Seconds, r.Packets = took.Seconds(), f.packets
	r.Mbps = bits / 1e6 / max(r.Seconds, 1e-9)
	r.UserUS, r.SystemUS = used.user*1e6/packets, used.system*1e6/packets
	r.Latency = quantilesOf(&f.latency)
	r.USPerPacket, r.CPUPerGbit = r.UserUS+r.SystemUS, used.total()*1e9/max(bits, 1)
}

// fan sends one batch to every viewer, sealed for each anew.
func (f *floor) fan(count, size int) error {
	for _, o := range f.outlets {
		f.batch = f.batch[:0]
		for range count {
			f.seal(size)
		}
		if err := o.send(f.batch, len(f.batch)/count); err != nil {
			return fmt.Errorf("the reading process: %w", err)
		}
		late := time.Since(f.due)
		for range count {
			f.latency.add(late)
		}
	}
	return nil
}

// seal appends one packet to the batch, encrypted unless it is to be plain.
func (f *floor) seal(size int) {
	if f.framed {
		f.batch = binary.BigEndian.AppendUint16(f.batch, uint16(len(f.header)+size+f.gcm.Overhead()))
	}
	at := len(f.batch)
	f.batch = append(f.batch, f.header[:]...)
	binary.BigEndian.PutUint64(f.nonce[4:], f.packets)
	if f.opt.Plain {
		f.batch = append(f.batch, f.payload[:size]...)
	} else {
		f.batch = f.gcm.Seal(f.batch, f.nonce[:], f.payload[:size], f.batch[at:at+len(f.header)])
	}
	f.packets++
	f.bytes += uint64(len(f.batch) - at)
}

// outlets are the ways to all viewers, and the process they live in.
type outlets struct {
	list []outlet
	sink *exec.Cmd
	stop io.Closer // its standard input: it ends when this is closed
}

// openOutlets starts the reading process, which is this program again, and connects to it.
func openOutlets(ctx context.Context, o FloorOptions) (*outlets, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out := &outlets{sink: exec.Command(program, "bench", "-sink", o.Net, "-n", strconv.Itoa(o.N))}
	out.sink.Stderr = os.Stderr
	input, err := out.sink.StdinPipe()
	if err != nil {
		return nil, err
	}
	out.stop = input
	output, err := out.sink.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := out.sink.Start(); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = input.Close() })
	defer stop()
	if err := out.open(o, bufio.NewScanner(output)); err != nil {
		out.close()
		return nil, errors.Join(ctx.Err(), err)
	}
	return out, nil
}

// open connects to the addresses that the reading process writes, one a line.
func (out *outlets) open(o FloorOptions, addresses *bufio.Scanner) error {
	dial := dialStream
	if o.Net == "udp" {
		dial = newDatagrams()
	}
	for range o.N {
		if !addresses.Scan() {
			return errors.New("the reading process has ended")
		}
		one, err := dial(addresses.Text())
		if err != nil {
			return err
		}
		out.list = append(out.list, one)
	}
	return nil
}

func (out *outlets) close() {
	for _, o := range out.list {
		_ = o.Close()
	}
	_ = out.stop.Close()
	_ = out.sink.Wait()
}

// stream is the way to a viewer over TCP.
type stream struct{ net.Conn }

func dialStream(address string) (outlet, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return stream{conn}, nil
}

func (s stream) send(batch []byte, _ int) error {
	_, err := s.Write(batch)
	return err
}
