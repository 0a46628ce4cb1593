package projections

import (
	"context"

	"github.com/duolog/duolog/eventstore"
)

// Batch is the rows of one set-wise write.
type Batch struct {
	Op   eventstore.BulkOp
	Rows [][]any
}

// WriteBatches writes the batches that are emitted, in order, while the next ones are made.
func WriteBatches(
	ctx context.Context, q eventstore.Querier, produce func(ctx context.Context, emit func(...Batch) error) error,
) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	batches, produced := make(chan Batch), make(chan error, 1)
	go func() {
		defer close(batches)
		produced <- safely(func() error {
			return produce(ctx, func(list ...Batch) error {
				for _, b := range list {
					if len(b.Rows) == 0 {
						continue
					}
					select {
					case batches <- b:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				return nil
			})
		})
	}()
	var failed error
	for b := range batches {
		if failed == nil {
			if failed = q.Bulk(ctx, b.Op, b.Rows); failed != nil {
				stop()
			}
		}
	}
	if err := <-produced; failed == nil {
		return err
	}
	return failed
}
