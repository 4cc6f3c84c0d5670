package server

import (
	"context"
	"sync"
)

// parts run beside the server, and may begin and end while it runs. The zero value
// is ready.
type parts struct {
	mu      sync.Mutex // guards the following
	running context.Context
	waiting []func() // to be begun with run
	over    bool
	opened  []func() // what to close when no part runs any more
	work    sync.WaitGroup
}

// begin runs a part until end is called or the server ends, whichever comes first.
// One that begins before run is run with it.
func (p *parts) begin(part func(context.Context)) (end func()) {
	ctx, end := context.WithCancel(context.Background())
	p.mu.Lock()
	defer p.mu.Unlock()
	start := func() {
		stop := context.AfterFunc(p.running, end)
		p.work.Go(func() {
			defer stop()
			part(ctx)
		})
	}
	switch {
	case p.running == nil:
		p.waiting = append(p.waiting, start)
	case !p.over:
		start()
	}
	return end
}

// run runs all parts until ctx ends, and waits for them.
func (p *parts) run(ctx context.Context) {
	p.mu.Lock()
	p.running = ctx
	for _, start := range p.waiting {
		start()
	}
	p.mu.Unlock()
	<-ctx.Done()
	p.mu.Lock()
	p.over = true // or one could begin while all are waited for
	p.mu.Unlock()
	p.work.Wait()
}

// keep has something closed when no part runs any more.
func (p *parts) keep(end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		end()
		return
	}
	p.opened = append(p.opened, end)
}

// close closes what was to be kept open.
func (p *parts) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	for _, end := range p.opened {
		end()
	}
}
