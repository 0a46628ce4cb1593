package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// RebuildAll is Rebuild of several at once, which read the log once for all of them: opening its events takes as long as
// most folds. progress hears how far each has come, ended how each ended; neither is called twice at a time, and both may
// be nil. The error is all of theirs; with one name that is unknown, nothing is done.
func (r *Runner) RebuildAll(
	ctx context.Context, names []string, progress func(name string, done, total int64), ended func(name string, err error),
) error {
	all, err := r.allNamed(names)
	if err != nil {
		return err
	}
	t := &together{progress: progress, ended: ended}
	ready := all[:0]
	for _, p := range all {
		err := r.task(p).Release(ctx, false)
		if err == nil {
			err = r.removeKept(ctx, p, r.now())
		}
		if err != nil {
			t.end(p.Name(), err)
			continue
		}
		ready = append(ready, p)
	}
	return r.fillAll(ctx, ready, t)
}

func (r *Runner) allNamed(names []string) (all []Projection, err error) {
	for _, name := range names {
		p, err := r.named(name)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// together are rebuilds that run side by side.
type together struct {
	mu       sync.Mutex
	progress func(name string, done, total int64)
	ended    func(name string, err error)
	failed   []error
}

// end notes how a rebuild ended.
func (t *together) end(name string, err error) {
	if err != nil {
		err = fmt.Errorf("rebuild %s: %w", name, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = append(t.failed, err)
	if t.ended != nil {
		t.ended(name, err)
	}
}

func (t *together) tell(name string, done, total int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.progress != nil {
		t.progress(name, done, total)
	}
}

// begun is a version to be filled.
type begun struct {
	p    Projection
	cp   checkpoint
	look *outlook
}

// fillAll fills a new version of each projection, or the one begun, side by side.
func (r *Runner) fillAll(ctx context.Context, all []Projection, t *together) error {
	var list []begun
	for _, p := range all {
		cp, err := r.building(ctx, p, false)
		if err != nil {
			t.end(p.Name(), err)
			continue
		}
		list = append(list, begun{p, cp, r.look(p, cp, func(done, total int64) { t.tell(p.Name(), done, total) })})
	}
	r.share(ctx, list)
	var active sync.WaitGroup
	for _, b := range list {
		active.Go(func() {
			err := r.finish(ctx, b.p, b.cp, b.look)
			if b.look.shared != nil {
				b.look.shared.close()
			}
			t.end(b.p.Name(), err)
		})
	}
	active.Wait()
	return errors.Join(t.failed...)
}

// share has those read the log together that stand at one position, a page or more before its end. Others read alone, and
// so does who must go back, or everybody when the log cannot be read now.
func (r *Runner) share(ctx context.Context, list []begun) {
	head, err := r.log.Head(ctx)
	if err != nil {
		return
	}
	at := map[int64][]begun{}
	for _, b := range list {
		at[b.cp.position] = append(at[b.cp.position], b)
	}
	for position, same := range at {
		if len(same) < 2 || head.Position-position < int64(r.page) {
			continue
		}
		all := make([]Projection, len(same))
		for i, b := range same {
			all[i] = b.p
		}
		for i, f := range readAhead(ctx, r.log, position, head.Position, r.page, all...) {
			same[i].look.shared = f
		}
	}
}
