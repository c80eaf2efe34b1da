package server

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// clocked notes when it was serviced, and asks for the times it was given.
type clocked struct {
	timer timerEntry
	began time.Time
	next  []time.Duration // after the beginning
	at    []time.Duration
	then  func()
}

func (c *clocked) entry() *timerEntry { return &c.timer }

func (c *clocked) service(now time.Time) time.Time {
	c.at = append(c.at, now.Sub(c.began))
	if c.then != nil {
		c.then()
	}
	if len(c.next) == 0 {
		return time.Time{}
	}
	next := c.next[0]
	c.next = c.next[1:]
	return c.began.Add(next)
}

// ticking runs timers until the test's end.
func ticking(t *testing.T) *timers {
	ts, stop, ended := newTimers(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ts.run(stop)
	}()
	t.Cleanup(func() {
		close(stop)
		<-ended
	})
	return ts
}

func TestTimersOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts, began := ticking(t), time.Now()
		rng := rand.New(rand.NewPCG(3, 4))
		var all []*clocked
		var order []time.Duration
		for range 500 {
			at := time.Duration(1+rng.IntN(1000)) * time.Millisecond
			c := &clocked{began: began}
			c.then = func() {
				if len(c.at) == 1 {
					order = append(order, at)
				}
			}
			all = append(all, c)
			c.next = []time.Duration{2 * time.Second}
			ts.schedule(c, began.Add(at))
		}
		var forgotten []*clocked
		for i := 0; i < len(all); i += 7 {
			ts.forget(all[i])
			forgotten = append(forgotten, all[i])
		}
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if !slices.IsSorted(order) {
			t.Errorf("out of order: %v", order)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		for i, c := range all {
			switch gone := slices.Contains(forgotten, c); {
			case gone && len(c.at) != 0:
				t.Errorf("forgotten and serviced at %v", c.at)
			case !gone && (len(c.at) != 2 || c.at[1] != 2*time.Second):
				t.Errorf("number %d serviced at %v", i, c.at)
			}
		}
		if len(ts.heap) != 0 {
			t.Errorf("%d entries left", len(ts.heap))
		}
	})
}

func TestTimersReschedule(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for _, test := range []struct {
		name string
		asks []int // in milliseconds, one after the other at the beginning
		next []int // what its services return
		want []int
	}{
		{"once", []int{50}, nil, []int{50}},
		{"earlier", []int{50, 20}, nil, []int{20}},
		{"later counts for nothing", []int{20, 50}, nil, []int{20}},
		{"again", []int{20}, []int{30, 40}, []int{20, 30, 40}},
		{"in the past", []int{-5}, nil, []int{0}},
		{"now", []int{0}, []int{0, 10}, []int{0, 0, 10}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ts, c := ticking(t), &clocked{began: time.Now()}
				other := &clocked{began: c.began}
				for _, n := range test.next {
					c.next = append(c.next, ms(n))
				}
				ts.schedule(other, c.began.Add(time.Hour))
				synctest.Wait()
				for _, n := range test.asks {
					ts.schedule(c, c.began.Add(ms(n)))
				}
				ts.schedule(c, time.Time{})
				time.Sleep(time.Second)
				synctest.Wait()
				var got []int
				for _, at := range c.at {
					got = append(got, int(at.Milliseconds()))
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("serviced at %v, want %v", got, test.want)
				}
			})
		})
	}
}

// A service that forgets itself, or others, is not called again whatever it returns.
func TestTimersForgetInService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts, began := ticking(t), time.Now()
		one := &clocked{began: began, next: []time.Duration{time.Second}}
		two := &clocked{began: began}
		one.then = func() { ts.forget(one); ts.forget(two); ts.forget(two) }
		ts.schedule(one, began.Add(time.Millisecond))
		ts.schedule(two, began.Add(2*time.Millisecond))
		time.Sleep(2 * time.Second)
		ts.schedule(two, time.Now())
		time.Sleep(time.Second)
		synctest.Wait()
		if len(one.at) != 1 || len(two.at) != 0 || len(ts.heap) != 0 {
			t.Errorf("%d and %d services, %d entries left", len(one.at), len(two.at), len(ts.heap))
		}
	})
}
