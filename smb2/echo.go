package smb2

// EchoRequest is [MS-SMB2] 2.2.28.
type EchoRequest struct{}

// EchoResponse is [MS-SMB2] 2.2.29.
type EchoResponse struct{}

// CancelRequest is [MS-SMB2] 2.2.30.
type CancelRequest struct{}

// ParseEchoRequest parses an ECHO request with its header.
func ParseEchoRequest(b []byte) (EchoRequest, error) { return EchoRequest{}, parseEmpty(b) }

// Append appends the body.
func (r EchoRequest) Append(dst []byte) []byte { return appendEmpty(dst) }

// ParseEchoResponse parses an ECHO response with its header.
func ParseEchoResponse(b []byte) (EchoResponse, error) { return EchoResponse{}, parseEmpty(b) }

// Append appends the body.
func (r EchoResponse) Append(dst []byte) []byte { return appendEmpty(dst) }

// ParseCancelRequest parses a CANCEL request with its header.
func ParseCancelRequest(b []byte) (CancelRequest, error) { return CancelRequest{}, parseEmpty(b) }

// Append appends the body.
func (r CancelRequest) Append(dst []byte) []byte { return appendEmpty(dst) }
