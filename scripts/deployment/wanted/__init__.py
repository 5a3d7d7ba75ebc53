"""What should be there, worked out from ecs/ and the size without a call to AWS."""
