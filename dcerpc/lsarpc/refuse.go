package lsarpc

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
)

// What is not there, and what can't be done. These operations begin with a handle, and
// what follows doesn't matter.

// answer checks the handle and returns status.
func answer(c *dcerpc.Call, status ntapi.Status) (ntapi.Status, error) {
	_, _, err := dcerpc.HandleOf[handle](c)
	return status, err
}

// refuse answers operations that change something.
func refuse(_ *service, _ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return answer(c, ntapi.AccessDenied)
}

// otherTransport answers the translations that have no handle: they don't come by a pipe,
// [MS-LSAT] 2.1, note 3.
func otherTransport(*service, context.Context, *dcerpc.Call) (ntapi.Status, error) {
	return 0, dcerpc.FaultAccessDenied
}

// notFound answers operations on secrets, and on trusted domains by name, [MS-LSAD]
// 3.1.4.6.2 and 3.1.4.7.9.
func notFound(_ *service, ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	if !ntapi.User(ctx) {
		return answer(c, ntapi.AccessDenied)
	}
	return answer(c, ntapi.ObjectNameNotFound)
}

// noDirectory answers operations on trusted domains that only a server with Active
// Directory has, [MS-LSAD] 3.1.4.7.1.
func noDirectory(_ *service, _ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return answer(c, ntapi.DirectoryServiceRequired)
}

// noForest does the same for forests, [MS-LSAD] 3.1.4.7.15.
func noForest(_ *service, _ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return answer(c, ntapi.InvalidDomainState)
}

// wrongHandle answers operations on objects of which no handle can be had.
func wrongHandle(_ *service, _ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return answer(c, ntapi.InvalidHandle)
}

// noTrusts is LsarEnumerateTrustedDomains, [MS-LSAD] 3.1.4.7.8, and
// LsarEnumerateTrustedDomainsEx.
func noTrusts(_ *service, _ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	if status, err := policyOf(c, policyViewLocal); status != ntapi.OK || err != nil {
		return status, err
	}
	return ntapi.NoMoreEntries, nil
}

// deleteObject is LsarDeleteObject, [MS-LSAD] 3.1.4.9.3. The handle stays open, and is
// returned.
func deleteObject(_ *service, _ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	h, id, err := dcerpc.HandleOf[handle](c)
	c.Out.Handle(id)
	if _, ok := h.(*policyHandle); ok {
		return ntapi.InvalidParameter, err
	}
	return ntapi.AccessDenied, err
}
