"""What scripts/deploy does: the forum on ECS behind a load balancer.

It needs boto3 and the standard library, nothing else.
"""
